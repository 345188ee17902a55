#include <ATen/Context.h>
#include <fmt/format.h>
#include <training/profile.h>
#include <training/trainer_params.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace plexiform::training {
namespace {

void check_share(const std::string& knob, const Json& value, bool zero_is_off = false) {
  if (value.is_null() || (zero_is_off && value.is_number() && value.get<double>() == 0)) return;
  const bool count = value.is_number_integer() && value.get<int64_t>() >= 1;
  const bool share = value.is_number_float() && value.get<double>() > 0 && value.get<double>() <= 1;
  if (count || share) return;
  throw Error(knob, "is " + value.dump() + ", neither a share nor a number of batches",
              "use a share above 0 and up to 1.0, such as 0.1, or a whole number of at least 1");
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

int64_t share_of(const Json& limit, int64_t all) {
  if (limit.is_null()) return all;
  if (limit.is_number_integer()) return std::min(all, limit.get<int64_t>());
  return std::clamp<int64_t>(static_cast<int64_t>(static_cast<double>(all) * limit.get<double>()), 1, all);
}

double duration(const std::string& knob, const Json& value) {
  const auto refuse = [&](const std::string& problem) {
    throw Error(knob, problem, "write days:hours:minutes:seconds, \"00:03:30:00\", or {hours: 3, minutes: 30}");
  };
  double seconds = 0;
  if (value.is_string()) {
    int64_t d = 0, h = 0, m = 0, s = 0;
    char rest = 0;
    if (std::sscanf(value.get<std::string>().c_str(), "%ld:%ld:%ld:%ld%c", &d, &h, &m, &s, &rest) != 4) {
      refuse("is " + value.dump());
    }
    if (d < 0 || h < 0 || m < 0 || s < 0) refuse(fmt::format("is {}, which runs backwards", value.dump()));
    seconds = static_cast<double>(((d * 24 + h) * 60 + m) * 60 + s);
  } else if (value.is_object()) {
    const std::vector<std::pair<std::string, double>> units = {
        {"weeks", 604800}, {"days", 86400}, {"hours", 3600}, {"minutes", 60}, {"seconds", 1}};
    for (const auto& [key, amount] : value.items()) {
      if (key == "_target_") continue;  // datetime.timedelta
      const auto unit = std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == key; });
      if (unit == units.end() || !amount.is_number()) refuse(fmt::format("has {}: {}", key, amount.dump()));
      seconds += unit->second * amount.get<double>();
    }
  } else {
    refuse("is " + value.dump());
  }
  if (!(seconds > 0)) refuse("is no time at all");
  return seconds;
}

void TrainerParams::check() const {
  check_share("limit_train_batches", limit_train_batches);
  check_share("limit_val_batches", limit_val_batches);
  check_share("limit_test_batches", limit_test_batches);
  check_share("overfit_batches", overfit_batches, true);
  check_share("val_check_interval", val_check_interval);
  if (!max_time.is_null()) duration("max_time", max_time);
  if (!fast_dev_run.is_boolean() && !(fast_dev_run.is_number_integer() && fast_dev_run.get<int64_t>() >= 0)) {
    throw Error("fast_dev_run", "is " + fast_dev_run.dump(), "use true, false or a number of batches");
  }
  if (min_epochs > max_epochs) {
    throw Error("min_epochs", fmt::format("is {}, more than max_epochs, {}", min_epochs, max_epochs),
                "raise max_epochs or lower min_epochs");
  }
  if (max_steps >= 0 && min_steps > max_steps) {
    throw Error("min_steps", fmt::format("is {}, more than max_steps, {}", min_steps, max_steps),
                "raise max_steps or lower min_steps");
  }
  if (val_check_interval.is_number() && val_check_interval != 1.0 && check_val_every_n_epoch > 1) {
    throw Error("val_check_interval", "asks for more than one validation per epoch, check_val_every_n_epoch for less",
                "set one of them");
  }
  const std::vector<std::string> precisions = {"32-true", "32", "bf16-mixed", "bf16", "16-mixed", "16"};
  if (const auto name = text_of(precision); std::find(precisions.begin(), precisions.end(), name) == precisions.end()) {
    throw Error("precision", fmt::format("is {}; weights are kept in float32 here", name), "use 32-true or bf16-mixed");
  }
  if (!deterministic.is_boolean() && deterministic != "warn") {
    throw Error("deterministic", "is " + deterministic.dump(), "use true, false or warn");
  }
  read_profiler(profiler);
  if (!enable_checkpointing) {
    throw Error("enable_checkpointing", "is false, but a run ends with its best checkpoint", "leave it out");
  }
  const std::string count = text_of(devices);
  const bool number = !count.empty() && count.size() < 7 && count.find_first_not_of("0123456789") == std::string::npos;
  if (count != "auto" && !(number && std::stoll(count) >= 1)) {
    throw Error("devices", "is " + devices.dump(), "use auto, or the number of processes on each machine");
  }
}

int64_t TrainerParams::batches_per_epoch(int64_t all) const {
  return share_of(overfits() ? overfit_batches : limit_train_batches, all);
}

int64_t TrainerParams::batches_between_validations(int64_t all) const {
  const int64_t epoch = batches_per_epoch(all), per_step = accumulate_grad_batches;
  const Json& interval = val_check_interval;
  if (interval.is_null()) return epoch;
  if (interval.is_number_float()) return std::max(per_step, share_of(interval, epoch) / per_step * per_step);
  if (interval > epoch) {
    throw Error("trainer.val_check_interval", fmt::format("is {}, but an epoch has {} batches", interval.dump(), epoch),
                "use fewer, or a share such as 0.5");
  }
  if (interval.get<int64_t>() % per_step != 0) {
    throw Error("trainer.val_check_interval",
                fmt::format("is {}, in the middle of accumulated batches", interval.dump()),
                fmt::format("use a multiple of trainer.accumulate_grad_batches, {}", per_step));
  }
  return interval;
}

int64_t TrainerParams::dev_batches() const {
  return fast_dev_run.is_boolean() ? int64_t{fast_dev_run.get<bool>()} : fast_dev_run.get<int64_t>();
}

at::Device TrainerParams::device(int local_rank) const {
  if (accelerator == "auto" || accelerator == "cpu") return at::kCPU;
  const auto there = static_cast<int>(at::getNumGPUs());
  if (there > 0) return {at::kCUDA, static_cast<at::DeviceIndex>(local_rank % there)};
  throw Error("trainer.accelerator", fmt::format("is {}, but LibTorch sees no GPU", accelerator),
              "use cpu; `plexiform plugins doctor` says whether this LibTorch is built for CUDA, nvidia-smi what the "
              "driver sees");
}

int64_t TrainerParams::processes() const {
  const std::string count = text_of(devices);
  return count == "auto" ? 0 : std::stoll(count) * num_nodes;
}

bool TrainerParams::mixed_precision() const { return text_of(precision) != "32-true" && text_of(precision) != "32"; }

std::string TrainerParams::warning() const {
  const std::string name = text_of(precision);
  if (name != "16-mixed" && name != "16") return "";
  return fmt::format("trainer.precision: {} runs as bf16-mixed, as Lightning does on a CPU", name);
}

std::optional<double> TrainerParams::max_seconds() const {
  if (max_time.is_null()) return std::nullopt;
  return duration("max_time", max_time);
}

}  // namespace plexiform::training

#include <training/schedule.h>
#include <training/schedule_curves.h>

#include <algorithm>

namespace plexiform::training {
namespace {

std::vector<std::unique_ptr<Schedule>> make_parts(const Json& parts, const ScheduleContext& context) {
  if (!parts.is_array() || parts.empty()) {
    throw Error("schedulers", "is " + parts.dump() + ", not a list", "list the schedules, each with its _target_");
  }
  std::vector<std::unique_ptr<Schedule>> all;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string place = "schedulers." + std::to_string(i);
    Json knobs = parts[i];
    if (!knobs.is_object() || !knobs.contains("_target_") || !knobs["_target_"].is_string()) {
      throw Error(place, "names no schedule", "give it a _target_, such as torch.optim.lr_scheduler.LinearLR");
    }
    const std::string target = knobs["_target_"];
    knobs.erase("_target_");
    try {
      all.push_back(make_schedule(target, knobs, context));
    } catch (const Error& e) {
      throw Error(place + "." + e.where(), e.problem(), e.fix());
    }
  }
  return all;
}

struct SequenceParams : CurveParams {
  Json schedulers;
  std::vector<int64_t> milestones;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("schedulers", schedulers, {.doc = "schedules, one after another", .required = true});
    knob("milestones", milestones, {.doc = "the count at which each but the first begins", .min = 1, .required = true});
  }
  void check() const {
    if (milestones.size() + 1 != schedulers.size() || !std::is_sorted(milestones.begin(), milestones.end())) {
      throw Error("milestones", "is " + Json(milestones).dump(), "give rising counts, one fewer than schedulers");
    }
  }
};
class Sequence final : public Schedule {
 public:
  Sequence(const SequenceParams& params, const ScheduleContext& context)
      : starts_(params.milestones), parts_(make_parts(params.schedulers, context)) {
    starts_.insert(starts_.begin(), 0);
  }
  double rate(int64_t n) const override {
    const size_t i = at(n);
    return parts_[i]->rate(n - starts_[i]);
  }
  std::optional<double> momentum(int64_t n) const override {
    const size_t i = at(n);
    return parts_[i]->momentum(n - starts_[i]);
  }

 private:
  size_t at(int64_t n) const {
    return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), n) - starts_.begin()) - 1;
  }
  std::vector<int64_t> starts_;
  std::vector<std::unique_ptr<Schedule>> parts_;
};

struct ChainParams : CurveParams {
  Json schedulers;
  void describe(auto& knob) {
    CurveParams::describe(knob);
    knob("schedulers", schedulers, {.doc = "schedules that all act at every count", .required = true});
  }
};
class Chain final : public Schedule {
 public:
  Chain(const ChainParams& params, const ScheduleContext& context)
      : base_(context.base_rate), parts_(make_parts(params.schedulers, context)) {}
  double rate(int64_t n) const override {
    if (n < known_ || known_ < 0) {
      known_ = 0;
      rate_ = base_;
      for (const auto& part : parts_) rate_ *= part->rate(0) / base_;
    }
    while (known_ < n) {
      ++known_;
      for (const auto& part : parts_) rate_ = part->next(known_, rate_);
    }
    return rate_;
  }
  std::optional<double> momentum(int64_t n) const override { return parts_.back()->momentum(n); }

 private:
  const double base_;
  std::vector<std::unique_ptr<Schedule>> parts_;
  // The last answer: a run asks in order.
  mutable int64_t known_ = -1;
  mutable double rate_ = 0;
};

template <class T, class Params>
std::unique_ptr<Schedule> make(const Json& knobs, const ScheduleContext& context) {
  Params params;
  read_params(params, knobs);
  return std::make_unique<T>(params, context);
}

std::vector<std::pair<std::string, MakeSchedule>> all_schedules() {
  auto all = curves();
  all.push_back({"SequentialLR", make<Sequence, SequenceParams>});
  all.push_back({"ChainedScheduler", make<Chain, ChainParams>});
  return all;
}

const std::string package = "torch.optim.lr_scheduler.";

}  // namespace

double Schedule::next(int64_t n, double current) const {
  const double before = rate(n - 1);
  return before == 0 ? rate(n) : current * (rate(n) / before);
}

CountingParams take_counting(Json& knobs) {
  Json own = Json::object();
  for (const char* name : {"monitor", "interval", "frequency"}) {
    if (!knobs.contains(name)) continue;
    own[name] = knobs[name];
    knobs.erase(name);
  }
  CountingParams params;
  read_params(params, own);
  return params;
}

std::vector<std::string> schedule_targets() {
  std::vector<std::string> all;
  for (const auto& [name, make] : all_schedules()) all.push_back(package + name);
  return all;
}

std::unique_ptr<Schedule> make_schedule(const std::string& target, const Json& knobs, const ScheduleContext& context) {
  for (const auto& [name, make] : all_schedules()) {
    if (package + name == target) return make(knobs, context);
  }
  throw Error("_target_", "no schedule is called '" + target + "'", did_you_mean(target, schedule_targets()));
}

}  // namespace plexiform::training

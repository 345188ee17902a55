// What the trainer writes, and how it continues from it.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <fmt/format.h>
#include <training/trainer.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::training {
namespace {

std::string kind_of(at::Device device) { return device.is_cpu() ? "CPU" : "GPU"; }

// That of the CPU, from which the data are drawn, and of the device that the model computes on.
std::vector<at::Generator> generators(at::Device device) {
  std::vector<at::Generator> all = {at::globalContext().defaultGenerator(at::kCPU)};
  if (!device.is_cpu()) all.push_back(at::globalContext().defaultGenerator(device));
  return all;
}

at::Tensor generator_state(at::Device device) {
  std::vector<at::Tensor> states;
  for (auto& generator : generators(device)) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    states.push_back(generator.get_state());
  }
  return at::cat(states);
}

// A state of the CPU's alone, or of another device beside it, sets what it can.
void set_generator_state(const at::Tensor& state, at::Device device) {
  int64_t at = 0;
  for (auto& generator : generators(device)) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    const int64_t size = generator.get_state().numel();
    if (at + size <= state.numel()) generator.set_state(state.slice(0, at, at + size).clone());
    at += size;
  }
}

}  // namespace

// The processes become of one mind: all go on, or none does. They also take over the first one's random generator, which a
// share of another size may have moved on differently, in a component that draws for its own rows alone.
void Trainer::agree() {
  const bool now[] = {wish_ == host::Next::suspend, wish_ == host::Next::finish,
                      max_seconds_ && seconds() >= *max_seconds_, state_.stopped};
  bool agreed[4];
  std::copy(now, now + 4, agreed);
  if (const auto& processes = task_.processes; processes.several()) {
    const auto generator = generator_state(task_.model.device);
    const int64_t size = generator.numel();
    const auto message = at::zeros({size + 4}, at::kByte);
    if (processes.first()) message.slice(0, 0, size).copy_(generator);
    for (int64_t k = 0; k < 4; ++k) message[size + k].fill_(now[k]);
    processes.max(message);
    for (int64_t k = 0; k < 4; ++k) agreed[k] = message[size + k].item<uint8_t>() != 0;
    set_generator_state(message.slice(0, 0, size), task_.model.device);
  }
  next_ = agreed[0] ? host::Next::suspend : agreed[1] ? host::Next::finish : host::Next::go_on;
  time_is_up_ = agreed[2];
  state_.stopped = agreed[3];
}

// Writes what the row of metrics earns: a place among the best checkpoints; metrics.csv, before the last checkpoint that
// counts the row as done.
void Trainer::keep(const Json& row) {
  RECORD_USER_SCOPE("checkpoint");
  const auto& params = task_.settings.checkpoint;
  std::vector<std::string> lost;
  const bool due = (row.at("epoch").get<int64_t>() + 1) % params.every_n_epochs.value_or(1) == 0;
  if (due && row.contains(params.monitor) && kept_.earns_a_place(row.at(params.monitor))) {
    save(checkpoint_folder() + kept_.add(row, row.at(params.monitor), lost));
  }
  if (!task_.processes.first()) return;
  write_metrics_csv(task_.folder + "/metrics.csv", state_.history);
  for (const auto& csv : task_.settings.csv) write_csv(csv, state_.history);
  save(last_checkpoint());
  for (const auto& file : lost) std::filesystem::remove(checkpoint_folder() + file);
}

std::string Trainer::checkpoint_folder() const { return training::checkpoint_folder(task_); }

std::string Trainer::last_checkpoint() const { return training::last_checkpoint(task_); }

std::string Trainer::best_checkpoint() const {
  return kept_.best().empty() ? last_checkpoint() : checkpoint_folder() + kept_.best();
}

void Trainer::save(const std::string& file) const {
  if (!task_.processes.first()) return;
  RECORD_USER_SCOPE("checkpoint");
  Checkpoint checkpoint;
  checkpoint.model = task_.model.state();
  checkpoint.optimizer = optimizer_->state();
  checkpoint.generator = generator_state(task_.model.device);
  TrainerState state = state_;
  if (max_seconds_) state.seconds = seconds();
  checkpoint.loop = Json{{"state", state.write()},
                         {"kept", kept_.state()},
                         {"means", means_.state()},
                         {"stream", stream([](const auto& s) { return s.state(); })},
                         {"threads", at::get_num_threads()},
                         {"processes", task_.processes.size()},
                         {"device", kind_of(task_.model.device)}};
  if (found_rate_) checkpoint.loop["found_rate"] = *found_rate_;
  if (plateau_) checkpoint.loop["plateau"] = plateau_->state();
  if (stopping_) checkpoint.loop["stopping"] = stopping_->state();
  if (average_) {
    checkpoint.average = average_->tensors();
    checkpoint.loop["average"] = average_->state();
  }
  write_checkpoint(file, checkpoint);
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const Json& loop = checkpoint.loop;
  task_.model.load_state(checkpoint.model, checkpoint.file);
  if (loop.contains("found_rate")) begin_at(found_rate_.emplace(loop.at("found_rate").get<double>()));
  optimizer_->restore(checkpoint.optimizer);
  set_generator_state(checkpoint.generator, task_.model.device);
  state_.read(loop.at("state"));
  means_.restore(loop.at("means"));
  stream([&](auto& s) { s.restore(loop.at("stream")); });
  if (plateau_) plateau_->restore(loop.at("plateau"));
  kept_.restore(loop.at("kept"));
  if (average_) average_->restore(checkpoint.average, loop.value("average", Json()));
  follow_schedule(task_.settings.counting.interval);
  if (stopping_) stopping_->restore(loop.at("stopping"));
  if (const int threads = loop.at("threads"); threads != at::get_num_threads()) {
    note(
        fmt::format("note: the run used {} threads, now {}: results may differ in the last bits "
                    "(OMP_NUM_THREADS={} repeats them exactly)",
                    threads, at::get_num_threads(), threads));
  }
  if (const auto before = loop.value("device", kind_of(at::kCPU)), now = kind_of(task_.model.device); before != now) {
    note(fmt::format(
        "note: the run trained on the {}, now on the {}: results may differ in the last digits, and what is "
        "drawn at random is drawn anew",
        before, now));
  }
  if (const int before = loop.value("processes", 1), now = task_.processes.size(); before != now) {
    note(fmt::format("note: the run trained in {} {}, now in {}: results may differ in the last digits", before,
                     before == 1 ? "process" : "processes", now));
  }
}

}  // namespace plexiform::training

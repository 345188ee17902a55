#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <evaluation/metrics.h>
#include <fmt/format.h>
#include <training/trainer.h>

#include <chrono>
#include <cmath>
#include <filesystem>

namespace plexiform::training {

using host::Next;

namespace {

constexpr auto save_interval = std::chrono::minutes(5);  // within a long epoch

at::Tensor generator_state() {
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_generator_state(const at::Tensor& state) {
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

}  // namespace

Trainer::Trainer(const Task& task, std::vector<host::Observer*> observers)
    : task_(task),
      observers_(std::move(observers)),
      stream_(task.recordings, task.split, task.loader, task.settings.seed) {
  for (const auto& [name, tensor] : task.model.parameters()) {
    if (tensor.requires_grad()) parameters_.push_back({name, tensor});
  }
  optimizer_ = make_optimizer(task.settings.optimizer, task.settings.optimizer_knobs, parameters_);
  if (task.settings.plateau) plateau_.emplace(*task.settings.plateau, optimizer_->learning_rate());
  if (!task.settings.schedule.empty()) {
    const auto& trainer = task.settings.trainer;
    const int64_t per_step = trainer.accumulate_grad_batches, steps = (batches_per_epoch() + per_step - 1) / per_step;
    int64_t total = task.settings.counting.interval == "epoch" ? trainer.max_epochs : trainer.max_epochs * steps;
    if (trainer.max_steps >= 0 && task.settings.counting.interval == "step") total = std::min(total, trainer.max_steps);
    schedule_ = make_schedule(
        task.settings.schedule, task.settings.schedule_knobs,
        {optimizer_->learning_rate(), total / task.settings.counting.frequency, optimizer_->momentum().has_value()});
    follow_schedule(task.settings.counting.interval);
  }
  if (task.settings.stopping) stopping_.emplace(*task.settings.stopping);
}

Ending Trainer::fit() {
  const auto& limits = task_.settings.trainer;
  if (state_.epoch == 0 && state_.batch == 0) save(last_checkpoint());
  while (state_.epoch < limits.max_epochs && !state_.stopped) {
    if (limits.max_steps >= 0 && state_.step >= limits.max_steps) return Ending::max_steps;
    try {
      train_epoch();
      if (next_ == Next::suspend) {
        save(last_checkpoint());
        return Ending::suspended;
      }
      end_epoch();
    } catch (const plugins::Failure& e) {
      throw Error(e.where(), fmt::format("{} (epoch {}, batch {})", e.problem(), state_.epoch + 1, state_.batch + 1),
                  fmt::format("{}; the last good checkpoint is {}", e.fix(), last_checkpoint()));
    }
    if (next_ == Next::suspend) return Ending::suspended;
  }
  if (next_ == Next::finish) return Ending::finished;
  return state_.stopped ? Ending::early_stopping : Ending::max_epochs;
}

int64_t Trainer::batches_per_epoch() const {
  return std::min(stream_.steps_per_epoch(), task_.settings.trainer.limit_train_batches.value_or(INT64_MAX));
}

void Trainer::train_epoch() {
  const auto& limits = task_.settings.trainer;
  const int64_t batches = batches_per_epoch();
  if (state_.batch == 0) stream_.start_epoch();
  for (auto* observer : observers_) observer->epoch_begins(position());
  task_.model.train(true);
  auto saved = std::chrono::steady_clock::now();
  while (state_.batch < batches) {
    host::Step done = step();
    ++state_.batch;
    if (++state_.pending == limits.accumulate_grad_batches || state_.batch == batches) update();
    done.at = position();
    ask([&](host::Observer& observer) { return observer.step_done(done); });
    if (state_.pending > 0) continue;
    if (next_ != Next::go_on) return;
    if (limits.max_steps >= 0 && state_.step >= limits.max_steps) return;
    const auto every = task_.settings.checkpoint.every_n_train_steps;
    if (const auto now = std::chrono::steady_clock::now();
        now - saved > save_interval || (every && state_.step % *every == 0)) {
      save(last_checkpoint());
      saved = now;
    }
  }
}

// One batch of one session: forward, loss and penalties, backward.
host::Step Trainer::step() {
  const auto& model = task_.model;
  const data::Batch batch = stream_.next();
  const at::Tensor prediction = model.forward(batch.stimulus, batch.session, batch.traces);
  const at::Tensor loss = model.loss_of(prediction, batch.responses, batch.session);
  const at::Tensor core_penalty = model.core_penalty();
  const at::Tensor readout_penalty = model.readout_penalty(batch.session);
  const at::Tensor total = loss + core_penalty + readout_penalty + model.loss_penalty();
  const double value = total.item<double>();
  if (!std::isfinite(value)) refuse_loss(value, batch);
  model.backward(total.div(task_.settings.trainer.accumulate_grad_batches));

  const at::NoGradGuard no_grad;
  const auto weight = static_cast<double>(batch.stimulus.size(0));
  means_.add("train_loss", loss.item<double>(), weight);
  means_.add("train_total_loss", value, weight);
  means_.add("regularization_loss_core", core_penalty.item<double>(), weight);
  means_.add("regularization_loss_readout", readout_penalty.item<double>(), weight);
  const auto score = model.evaluation_loss_of(prediction.detach(), batch.responses, batch.session);
  means_.add("train_evaluation_loss", score.item<double>(), weight);
  return {{}, task_.recordings.sessions[batch.session].name, value};
}

// The gradients of the pending batches become one step of the optimiser.
void Trainer::update() {
  const at::NoGradGuard no_grad;
  if (const auto& limit = task_.settings.trainer.gradient_clip_val; limit && *limit > 0) {
    clip_grad_norm(parameters_, *limit);
  }
  optimizer_->step();
  optimizer_->zero_grad();
  task_.model.project();
  state_.pending = 0;
  ++state_.step;
  follow_schedule("step");
}

// Sets rate and momentum after an epoch or a step, if that is what the schedule counts.
void Trainer::follow_schedule(const std::string& counted) {
  const auto& counting = task_.settings.counting;
  if (!schedule_ || counting.interval != counted) return;
  const int64_t n = (counted == "step" ? state_.step : state_.epoch) / counting.frequency;
  optimizer_->set_learning_rate(schedule_->rate(n));
  if (const auto momentum = schedule_->momentum(n)) optimizer_->set_momentum(*momentum);
}

Json Trainer::validate() {
  const auto& model = task_.model;
  const at::NoGradGuard no_grad;
  model.train(false);
  EpochMeans means;
  Json per_session = Json::object();
  double correlation = 0, neurons = 0;
  for (const auto& part : task_.split.validation) {
    auto batches = data::in_order(part, data::windows_per_batch(task_.loader, part.length));
    if (const auto limit = task_.settings.trainer.limit_val_batches)
      batches.resize(std::min<size_t>(batches.size(), *limit));
    std::vector<at::Tensor> predictions, targets;
    for (const auto& windows : batches) {
      const auto batch = data::gather(task_.recordings, part, windows);
      const auto prediction = model.forward(batch.stimulus, part.session, batch.traces);
      const auto weight = static_cast<double>(batch.stimulus.size(0));
      double loss = model.loss_of(prediction, batch.responses, batch.session).item<double>();
      if (task_.settings.compat == "openretina") {  // its divisor is the sum of the sizes
        loss /= static_cast<double>(prediction.size(0) + prediction.size(1) + prediction.size(2));
      }
      const double core = model.core_penalty().item<double>();
      const double readout = model.readout_penalty(part.session).item<double>();
      means.add("val_loss", loss, weight);
      means.add("val_total_loss", loss + core + readout + model.loss_penalty().item<double>(), weight);
      means.add("val_regularization_loss_core", core, weight);
      means.add("val_regularization_loss_readout", readout, weight);
      means.add("val_evaluation_loss",
                model.evaluation_loss_of(prediction, batch.responses, batch.session).item<double>(), weight);
      predictions.push_back(prediction.flatten(0, 1));
      targets.push_back(batch.responses.slice(1, batch.responses.size(1) - prediction.size(1)).flatten(0, 1));
    }
    // Over the whole validation trace of the session, neuron by neuron.
    const auto scores = evaluation::correlation(at::cat(predictions), at::cat(targets));
    per_session["val_correlation/" + task_.recordings.sessions[part.session].name] = scores.mean().item<double>();
    correlation += scores.sum().item<double>();
    neurons += static_cast<double>(scores.numel());
  }
  Json row = means.means();
  row["val_correlation"] = correlation / neurons;
  row.update(per_session);
  return row;
}

// Validates, adjusts the learning rate, keeps the best, writes metrics.csv and the checkpoints.
void Trainer::end_epoch() {
  const auto& settings = task_.settings;
  Json row = {{"epoch", state_.epoch}, {"step", state_.step}};
  row.update(means_.means());
  const double rate = optimizer_->learning_rate();
  bool best = false;
  EarlyStopping::Verdict verdict;
  if ((state_.epoch + 1) % settings.trainer.check_val_every_n_epoch == 0) {
    row.update(validate());
    auto metric = [&](const std::string& name) { return row.at(name).get<double>(); };
    if (plateau_) optimizer_->set_learning_rate(plateau_->update(metric(settings.plateau->monitor), rate));
    if (stopping_) verdict = stopping_->update(metric(settings.stopping->monitor));
    const double value = metric(settings.checkpoint.monitor);
    best = std::isfinite(value) && (state_.best_file.empty() ||
                                    (settings.checkpoint.mode == "max" ? value > state_.best : value < state_.best));
    if (best) state_.best = value;
  }
  row["lr"] = rate;
  state_.history.push_back(row);
  const host::Epoch epoch = {position(), row, settings.checkpoint.monitor, best};
  ask([&](host::Observer& observer) { return observer.epoch_done(epoch); });
  if (verdict.stop) note(verdict.reason);
  state_.stopped = verdict.stop || next_ == Next::finish;
  ++state_.epoch;
  state_.batch = 0;
  means_ = {};
  follow_schedule("epoch");
  const std::string outdated = state_.best_file;
  if (best) {
    state_.best_file = best_checkpoint_name(settings.checkpoint, row);
    save(checkpoint_folder() + state_.best_file);
  }
  write_metrics_csv(task_.folder + "/metrics.csv",
                    state_.history);  // before the checkpoint that counts this epoch as done
  save(last_checkpoint());
  if (best && !outdated.empty() && outdated != state_.best_file)
    std::filesystem::remove(checkpoint_folder() + outdated);
}

host::Position Trainer::position() const {
  return {state_.epoch + 1, task_.settings.trainer.max_epochs, state_.batch, batches_per_epoch(), state_.step};
}

void Trainer::note(const std::string& text) const {
  for (auto* observer : observers_) observer->note(text);
}

template <class Ask>
void Trainer::ask(Ask&& what) {
  for (auto* observer : observers_) {
    const Next answer = what(*observer);
    if (next_ == Next::go_on) next_ = answer;
  }
}

void Trainer::refuse_loss(double value, const data::Batch& batch) const {
  const auto* site = task_.model.not_finite(batch.stimulus, batch.responses, batch.session, batch.traces);
  throw Error(
      fmt::format("epoch {}, batch {}, session {}", state_.epoch + 1, state_.batch + 1,
                  task_.recordings.sessions[batch.session].name),
      fmt::format("the loss is {}", value) +
          (site ? fmt::format("; the first values that are not finite are those of {}, {}", site->place, site->label)
                : ""),
      fmt::format("lower optimizer.lr (now {}), or set trainer.gradient_clip_val=1; the last good checkpoint is {}",
                  optimizer_->learning_rate(), last_checkpoint()));
}

std::string Trainer::checkpoint_folder() const {
  return task_.settings.checkpoint.dirpath.value_or(task_.folder + "/checkpoints") + "/";
}

std::string Trainer::last_checkpoint() const { return checkpoint_folder() + "last.safetensors"; }

std::string Trainer::best_checkpoint() const {
  return state_.best_file.empty() ? last_checkpoint() : checkpoint_folder() + state_.best_file;
}

void Trainer::save(const std::string& file) const {
  Checkpoint checkpoint;
  checkpoint.model = task_.model.state();
  checkpoint.optimizer = optimizer_->state();
  checkpoint.generator = generator_state();
  checkpoint.loop = Json{{"state", state_.write()},
                         {"means", means_.state()},
                         {"stream", stream_.state()},
                         {"threads", at::get_num_threads()}};
  if (plateau_) checkpoint.loop["plateau"] = plateau_->state();
  if (stopping_) checkpoint.loop["stopping"] = stopping_->state();
  write_checkpoint(file, checkpoint);
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const Json& loop = checkpoint.loop;
  task_.model.load_state(checkpoint.model, checkpoint.file);
  optimizer_->restore(checkpoint.optimizer);
  set_generator_state(checkpoint.generator);
  state_.read(loop.at("state"));
  means_.restore(loop.at("means"));
  stream_.restore(loop.at("stream"));
  if (plateau_) plateau_->restore(loop.at("plateau"));
  follow_schedule(task_.settings.counting.interval);
  if (stopping_) stopping_->restore(loop.at("stopping"));
  if (const int threads = loop.at("threads"); threads != at::get_num_threads()) {
    note(
        fmt::format("note: the run used {} threads, now {}: results may differ in the last bits "
                    "(OMP_NUM_THREADS={} repeats them exactly)",
                    threads, at::get_num_threads(), threads));
  }
}

}  // namespace plexiform::training

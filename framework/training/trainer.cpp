#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <training/trainer.h>

#include <algorithm>
#include <cmath>

namespace plexiform::training {

using host::Next;

namespace {

std::chrono::duration<double> save_interval(const CheckpointParams& params) {
  if (params.train_time_interval.is_null()) return std::chrono::minutes(5);
  return std::chrono::duration<double>(duration("train_time_interval", params.train_time_interval));
}

}  // namespace

Trainer::Trainer(const Task& task, std::vector<host::Observer*> observers)
    : task_(task),
      observers_(std::move(observers)),
      kept_(task.settings.checkpoint),
      max_seconds_(task.settings.trainer.max_seconds()),
      save_interval_(save_interval(task.settings.checkpoint)),
      stream_(task.recordings, task.split, task.loader, task.settings.seed) {
  const auto& settings = task.settings;
  for (const auto& [name, tensor] : task.model.parameters()) {
    if (tensor.requires_grad()) parameters_.push_back({name, tensor});
  }
  if (!settings.augmentation.any())
    stream_.leave_out_stimulus_of_others(task.processes.share());  // it is drawn for all
  if (task_.features) stream_.leave_out_stimulus();
  if (settings.trainer.shared_core_pass) {
    shared_.emplace(task.recordings, task.split, task.loader, settings.seed);
  }
  first_batch_ = stream([](const auto& s) { return s.state(); });
  optimizer_ = make_optimizer(settings.optimizer, settings.optimizer_knobs, parameters_);
  if (settings.stopping) stopping_.emplace(*settings.stopping);
  if (settings.ema) average_.emplace(*settings.ema, task.model.state());
  if (settings.swa) average_.emplace(*settings.swa, task.model.state(), settings.trainer.max_epochs);
  begin_at(optimizer_->learning_rate());
}

Ending Trainer::fit() {
  start_ = std::chrono::steady_clock::now();
  agree();
  try {
    if (state_.epoch == 0 && state_.batch == 0) begin();
    while (!ending()) {
      train_epoch();
      if (next_ == Next::suspend) {
        save(last_checkpoint());
        return Ending::suspended;
      }
      end_epoch();
    }
  } catch (const plugins::Failure& e) {
    throw Error(e.where(), fmt::format("{} (epoch {}, batch {})", e.problem(), state_.epoch + 1, state_.batch + 1),
                fmt::format("{}; the last good checkpoint is {}", e.fix(), last_checkpoint()));
  }
  return *ending();
}

// Before the first step.
void Trainer::begin() {
  save(last_checkpoint());
  if (const int64_t batches = task_.settings.trainer.num_sanity_val_steps; batches != 0) {
    validate(task_, batches > 0 ? Json(batches) : Json());
  }
  if (task_.settings.rate_finder && !found_rate_) find_rate();
}

std::optional<Ending> Trainer::ending() const {
  const auto& limits = task_.settings.trainer;
  if (next_ == Next::suspend) return Ending::suspended;
  if (next_ == Next::finish) return Ending::finished;
  const bool enough = state_.epoch >= limits.min_epochs && state_.step >= limits.min_steps;
  if (state_.stopped && enough) return Ending::early_stopping;
  if (state_.epoch >= limits.max_epochs) return Ending::max_epochs;
  if (limits.max_steps >= 0 && state_.step >= limits.max_steps) return Ending::max_steps;
  if (time_is_up_ && enough) return Ending::max_time;
  return std::nullopt;
}

double Trainer::seconds() const {
  return state_.seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

int64_t Trainer::batches_per_epoch() const { return task_.settings.trainer.batches_per_epoch(steps_of_stream()); }

void Trainer::train_epoch() {
  const auto& limits = task_.settings.trainer;
  const int64_t batches = batches_per_epoch(), between = limits.batches_between_validations(steps_of_stream());
  if (state_.batch == 0) {
    stream([&](auto& s) {
      if (limits.overfits()) s.restore(first_batch_);
      s.start_epoch();
    });
  }
  // Processors of different kinds round differently: so the weights of their processes do not part.
  for (const auto& [name, tensor] : task_.model.state()) task_.processes.from_first(tensor);
  for (auto* observer : observers_) observer->epoch_begins(position());
  training_mode(task_);
  auto saved = std::chrono::steady_clock::now();
  while (state_.batch < batches) {
    host::Step done = step();
    ++state_.batch;
    if (++state_.pending == limits.accumulate_grad_batches || state_.batch == batches) update();
    done.at = position();
    done.learning_rate = optimizer_->learning_rate();
    ask([&](host::Observer& observer) { return observer.step_done(done); });
    if (state_.pending > 0) continue;
    agree();
    if (ending()) return;
    if (state_.batch % between == 0 && state_.batch < batches) validate_within_epoch();
    if (ending()) return;
    const auto every = task_.settings.checkpoint.every_n_train_steps;
    if (const auto now = std::chrono::steady_clock::now();
        now - saved > save_interval_ || (every && state_.step % *every == 0)) {
      save(last_checkpoint());
      saved = now;
    }
  }
}

data::Batch Trainer::next_batch() {
  RECORD_USER_SCOPE("gather");
  auto batch = stream_.next();
  if (batch.stimulus.defined()) batch.stimulus = task_.settings.augmentation(batch.stimulus);
  return batch.to(task_.model.device);
}

// One batch of one session: its gradients are added to those of the pending batches.
host::Step Trainer::step() {
  if (shared_) return shared_step();
  const data::Batch batch = next_batch();
  const Losses losses = gradients(batch);
  if (optimizer_->evaluates()) waiting_.push_back(batch);

  RECORD_USER_SCOPE("metrics");
  const at::NoGradGuard no_grad;
  const auto score = task_.model.evaluation_loss_of(losses.prediction.detach(), batch.responses, batch.session);
  const auto values = values_of({losses.total, losses.loss, losses.core_penalty, losses.readout_penalty, score});
  add_to_means(batch, values.data());
  return {{}, task_.recordings.sessions[batch.session].name, values[0]};
}

void Trainer::add_to_means(const data::Batch& batch, const double* values) {
  if (!std::isfinite(values[0])) refuse_loss(values[0], batch);
  const auto weight = static_cast<double>(batch.size());
  means_.add("train_loss", values[1], weight);
  means_.add("train_total_loss", values[0], weight);
  means_.add("regularization_loss_core", values[2], weight);
  means_.add("regularization_loss_readout", values[3], weight);
  means_.add("train_evaluation_loss", values[4], weight);
}

// Forward, loss and penalties, backward. Nothing is read back: on a device, the host would have to wait for it.
Trainer::Losses Trainer::gradients(const data::Batch& batch) {
  const auto& model = task_.model;
  const auto& trainer = task_.settings.trainer;
  Losses losses;
  losses.prediction = predict(task_, batch);
  losses.loss = model.loss_of(losses.prediction, batch.responses, batch.session);
  losses.core_penalty = model.core_penalty();
  losses.readout_penalty = model.readout_penalty(batch.session);
  losses.total = losses.loss + losses.core_penalty + losses.readout_penalty + model.loss_penalty(batch.session);
  std::optional<torch::autograd::DetectAnomalyGuard> anomalies;
  if (trainer.detect_anomaly) {
    if (const double total = losses.total.item<double>(); !std::isfinite(total)) refuse_loss(total, batch);
    anomalies.emplace();
  }
  if (losses.total.requires_grad()) model.backward(losses.total.div(trainer.accumulate_grad_batches));
  return losses;
}

// The gradients of the pending batches become one step of the optimiser.
void Trainer::update() {
  const at::NoGradGuard no_grad;
  average_gradients(task_.processes, parameters_);
  clip_gradients();
  {
    RECORD_USER_SCOPE("optimizer");
    optimizer_->step([this] { return gradients_anew(); });
    optimizer_->zero_grad();
    task_.model.project();
  }
  state_.pending = 0;
  waiting_.clear();
  ++state_.step;
  if (average_) average_->step_done(state_.step, state_.epoch + 1);
  follow_schedule("step");
}

// Of the pending batches, at the parameters as they are now; returns the mean loss.
double Trainer::gradients_anew() {
  const at::AutoGradMode with_grad(true);
  optimizer_->zero_grad();
  double total = 0;
  for (const auto& batch : waiting_) {
    const double one = gradients(batch).total.item<double>();
    if (!std::isfinite(one)) refuse_loss(one, batch);
    total += one;
  }
  average_gradients(task_.processes, parameters_);
  clip_gradients();
  return total / static_cast<double>(task_.settings.trainer.accumulate_grad_batches);
}

void Trainer::clip_gradients() {
  const auto& trainer = task_.settings.trainer;
  if (trainer.gradient_clip_val.value_or(0) == 0) return;
  RECORD_USER_SCOPE("clip");
  if (trainer.gradient_clip_algorithm == "norm") {
    clip_grad_norm(parameters_, *trainer.gradient_clip_val);
  } else {
    clip_grad_value(parameters_, *trainer.gradient_clip_val);
  }
}

Json Trainer::new_row() const { return {{"epoch", state_.epoch}, {"step", state_.step}}; }

Json Trainer::validation_metrics() {
  const Averaged averaged(average_);
  const auto& limits = task_.settings.trainer;
  return validate(task_, limits.overfits() ? limits.overfit_batches : limits.limit_val_batches);
}

void Trainer::validate_within_epoch() {
  Json row = new_row();
  row.update(validation_metrics());
  training_mode(task_);
  row["lr"] = optimizer_->learning_rate();
  state_.history.push_back(row);
  const host::Epoch looked = {position(), row, task_.settings.checkpoint.monitor, is_best(row)};
  ask([&](host::Observer& observer) { return observer.validated(looked); });
  consider_stopping(row);
  agree();
  keep(row);
}

// Validates, adjusts the learning rate, keeps the best, writes metrics.csv and the checkpoints.
void Trainer::end_epoch() {
  const auto& settings = task_.settings;
  if (average_) average_->epoch_done(state_.epoch + 1);
  Json row = new_row();
  row.update(means_.means());
  const double rate = optimizer_->learning_rate();
  if ((state_.epoch + 1) % settings.trainer.check_val_every_n_epoch == 0) {
    row.update(validation_metrics());
    if (plateau_) optimizer_->set_learning_rate(plateau_->update(row.at(settings.plateau->monitor), rate));
    if (settings.reset_optimizer && optimizer_->learning_rate() < rate) {
      optimizer_->restore({{}, {{"learning_rate", optimizer_->learning_rate()}}});
    }
  }
  row["lr"] = rate;
  if (const auto momentum = optimizer_->momentum(); momentum && settings.rate_monitor.log_momentum) {
    row["momentum"] = *momentum;
  }
  if (settings.rate_monitor.log_weight_decay && settings.optimizer_knobs.contains("weight_decay")) {
    row["weight_decay"] = settings.optimizer_knobs.at("weight_decay");
  }
  state_.history.push_back(row);
  const host::Epoch epoch = {position(), row, settings.checkpoint.monitor, is_best(row)};
  ask([&](host::Observer& observer) { return observer.epoch_done(epoch); });
  consider_stopping(row);
  agree();
  state_.stopped = state_.stopped || next_ == Next::finish;
  ++state_.epoch;
  state_.batch = 0;
  means_ = {};
  follow_schedule("epoch");
  keep(row);
}

void Trainer::consider_stopping(const Json& row) {
  if (!stopping_ || !row.contains(stopping_->params().monitor)) return;
  const auto verdict = stopping_->update(row.at(stopping_->params().monitor));
  if (verdict.stop && !state_.stopped) note(verdict.reason);
  state_.stopped = state_.stopped || verdict.stop;
}

bool Trainer::is_best(const Json& row) const {
  const std::string& monitor = task_.settings.checkpoint.monitor;
  return row.contains(monitor) && kept_.is_best(row.at(monitor));
}

host::Position Trainer::position() const {
  return {state_.epoch + 1, task_.settings.trainer.max_epochs, state_.batch, batches_per_epoch(), state_.step};
}

void Trainer::note(const std::string& text) const {
  for (auto* observer : observers_) observer->note(text);
}

template <class Ask>
void Trainer::ask(Ask&& what) {
  RECORD_USER_SCOPE("observers");
  for (auto* observer : observers_) {
    const Next answer = what(*observer);
    if (wish_ == Next::go_on) wish_ = answer;
  }
}

void Trainer::refuse_loss(double value, const data::Batch& batch) const {
  throw Error(fmt::format("epoch {}, batch {}, session {}", state_.epoch + 1, state_.batch + 1,
                          task_.recordings.sessions[batch.session].name),
              not_finite(task_, task_.split.train[batch.session], batch, value),
              fmt::format("lower optimizer.lr (now {}){}; the last good checkpoint is {}", optimizer_->learning_rate(),
                          or_clip(task_), last_checkpoint()));
}

}  // namespace plexiform::training

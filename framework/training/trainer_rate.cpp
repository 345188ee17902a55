// The trainer's learning rate: where it starts, and how it moves.
#include <fmt/format.h>
#include <training/trainer.h>

namespace plexiform::training {

// Plateau and schedule start from this rate.
void Trainer::begin_at(double rate) {
  const auto& settings = task_.settings;
  const auto& trainer = settings.trainer;
  optimizer_->set_learning_rate(rate);
  if (settings.plateau) plateau_.emplace(*settings.plateau, rate);
  if (!settings.schedule.empty()) {
    const int64_t per_step = trainer.accumulate_grad_batches, steps = (batches_per_epoch() + per_step - 1) / per_step;
    int64_t total = settings.counting.interval == "epoch" ? trainer.max_epochs : trainer.max_epochs * steps;
    if (trainer.max_steps >= 0 && settings.counting.interval == "step") total = std::min(total, trainer.max_steps);
    schedule_ = make_schedule(settings.schedule, settings.schedule_knobs,
                              {rate, total / settings.counting.frequency, optimizer_->momentum().has_value()});
  }
  follow_schedule(settings.counting.interval);
}

// The range test. Afterwards all is as the first checkpoint has it, but for the rate.
void Trainer::find_rate() {
  const auto& params = *task_.settings.rate_finder;
  RateFinder finder(params);
  training_mode(task_);
  while (const auto rate = finder.next()) {
    double loss = 0;
    for (int64_t i = 0; i < task_.settings.trainer.accumulate_grad_batches; ++i) {
      if (shared_) {
        loss = shared_step().loss;
        continue;
      }
      const data::Batch batch = next_batch();
      loss = gradients(batch).total.item<double>();
      if (optimizer_->evaluates()) waiting_.push_back(batch);
    }
    finder.record(loss);
    if (!finder.next()) break;
    optimizer_->set_learning_rate(*rate);
    update();
  }
  optimizer_->zero_grad();
  waiting_.clear();
  task_.processes.wait_for_all();  // until it is written
  restore(read_checkpoint(last_checkpoint()));
  const auto found = finder.suggestion();
  note(found ? fmt::format("the loss falls fastest at a learning rate of {:.3g}", *found)
             : "the loss falls at no learning rate of the range test: it stays as it is");
  if (!found || !params.update_attr) return;
  found_rate_ = *found;
  begin_at(*found);
  save(last_checkpoint());
}

// Sets rate and momentum after an epoch or a step, if that is what the schedule counts.
void Trainer::follow_schedule(const std::string& counted) {
  if (average_) {
    if (const auto rate = average_->rate(state_.epoch, optimizer_->learning_rate())) {
      optimizer_->set_learning_rate(*rate);
      return;
    }
  }
  const auto& counting = task_.settings.counting;
  if (!schedule_ || counting.interval != counted) return;
  const int64_t n = (counted == "step" ? state_.step : state_.epoch) / counting.frequency;
  optimizer_->set_learning_rate(schedule_->rate(n));
  if (const auto momentum = schedule_->momentum(n)) optimizer_->set_momentum(*momentum);
}

}  // namespace plexiform::training

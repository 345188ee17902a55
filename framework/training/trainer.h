// The training loop. Sessions take turns: one step is one batch of one session, through the core and that session's readout;
// with trainer.shared_core_pass it is one batch of windows through the core, and through the readouts of all who saw them.
// On the CPU the same config, seed and thread count give the same bits, also when a run was stopped anywhere and resumed.
#pragma once

#include <data/shared_stream.h>
#include <plexiform/host/experiment.h>
#include <training/checkpoint.h>
#include <training/early_stopping.h>
#include <training/metrics_log.h>
#include <training/optimizer.h>
#include <training/plateau.h>
#include <training/schedule.h>
#include <training/task.h>

#include <chrono>
#include <memory>
#include <optional>

namespace plexiform::training {

using host::Ending;

class Trainer {
 public:
  // Observers are told, and asked, in this order.
  Trainer(const Task& task, std::vector<host::Observer*> observers);

  // Continues from a checkpoint of a run with the same config.
  void restore(const Checkpoint& checkpoint);

  // Trains to the end, writing the last checkpoint after every epoch and the best one when it improves.
  // Throws Error when the loss is no longer finite, or a component fails; the last good checkpoint stays.
  Ending fit();

  const TrainerState& state() const { return state_; }
  std::string checkpoint_folder() const;
  // The best checkpoint so far, or the last when there was no validation.
  std::string best_checkpoint() const;

 private:
  // Losses of a batch, scalars.
  struct Losses {
    at::Tensor prediction, loss, core_penalty, readout_penalty, total;
  };

  void begin();
  void begin_at(double rate);
  void find_rate();
  void train_epoch();
  data::Batch next_batch();
  data::SharedBatch next_shared_batch();
  host::Step step();
  host::Step shared_step();
  Losses gradients(const data::Batch& batch);
  void update();
  void agree();
  double gradients_anew();
  void clip_gradients();
  void follow_schedule(const std::string& counted);
  void validate_within_epoch();
  void end_epoch();
  Json new_row() const;
  Json validation_metrics();
  void consider_stopping(const Json& row);
  bool is_best(const Json& row) const;
  void keep(const Json& row);
  // Why training is over; nothing: it goes on.
  std::optional<Ending> ending() const;
  double seconds() const;
  int64_t batches_per_epoch() const;
  host::Position position() const;
  void note(const std::string& text) const;
  // With the stream that this run takes its batches from.
  template <class Use>
  auto stream(Use&& use) const {
    return shared_ ? use(*shared_) : use(stream_);
  }
  template <class Use>
  auto stream(Use&& use) {
    return shared_ ? use(*shared_) : use(stream_);
  }
  int64_t steps_of_stream() const {
    return stream([](const auto& s) { return s.steps_per_epoch(); });
  }
  // Whatever an observer asks for first is done.
  template <class Ask>
  void ask(Ask&& what);
  [[noreturn]] void refuse_loss(double value, const data::Batch& batch) const;
  // A batch's total, loss, core penalty, readout penalty and metric, into the epoch's means. Refuses a total that is not finite.
  void add_to_means(const data::Batch& batch, const double* values);
  std::string last_checkpoint() const;
  void save(const std::string& file) const;

  Task task_;
  std::vector<host::Observer*> observers_;
  std::vector<Named> parameters_;  // those that are trained
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<PlateauSchedule> plateau_;
  std::unique_ptr<Schedule> schedule_;
  std::optional<EarlyStopping> stopping_;
  std::optional<WeightAverage> average_;
  KeptCheckpoints kept_;
  const std::optional<double> max_seconds_;            // of training
  const std::chrono::duration<double> save_interval_;  // within a long epoch
  std::optional<double> found_rate_;
  data::TrainStream stream_;
  std::optional<data::SharedStream> shared_;  // instead of stream_, with trainer.shared_core_pass
  Json first_batch_;                          // of the stream
  std::vector<data::Batch> waiting_;          // the pending ones, for an optimiser that evaluates them anew
  EpochMeans means_;                          // of the epoch that is under way
  TrainerState state_;
  host::Next wish_ = host::Next::go_on;  // what observers of this process have asked for
  host::Next next_ = host::Next::go_on;  // agreed upon
  bool time_is_up_ = false;              // agreed upon
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace plexiform::training

// The training loop. Sessions take turns: one step is one batch of one session, through the core and that session's readout.
// The same config, seed and thread count give the same bits, also when a run was stopped anywhere and resumed.
#pragma once

#include <data/batches.h>
#include <model/model.h>
#include <training/checkpoint.h>
#include <training/early_stopping.h>
#include <training/metrics_log.h>
#include <training/optimizer.h>
#include <training/plateau.h>
#include <training/progress.h>
#include <training/schedule.h>
#include <training/settings.h>

#include <memory>
#include <optional>

namespace plexiform::training {

// What is trained, on what, and how. The trainer borrows all of it.
struct Task {
  const model::Model& model;
  const data::Recordings& recordings;
  const data::Split& split;
  const data::LoaderParams& loader;
  const Settings& settings;
  std::string folder;  // of the run
};

enum class Ending { max_epochs, max_steps, early_stopping, interrupted };

class Trainer {
 public:
  Trainer(const Task& task, Progress& progress);

  // Continues from a checkpoint of a run with the same config.
  void restore(const Checkpoint& checkpoint);

  // Trains to the end, writing the last checkpoint after every epoch and the best one when it improves.
  // Throws Error when the loss is no longer finite; the last good checkpoint stays.
  Ending fit();

  const TrainerState& state() const { return state_; }
  int signal() const { return signal_; }  // that interrupted fit(), or 0
  std::string checkpoint_folder() const;
  // The best checkpoint so far, or the last when there was no validation.
  std::string best_checkpoint() const;

 private:
  int64_t batches_per_epoch() const;
  void train_epoch();
  double step();
  void update();
  void follow_schedule(const std::string& counted);
  Json validate();
  void end_epoch();
  [[noreturn]] void refuse_loss(double value, size_t session) const;
  std::string last_checkpoint() const;
  void save(const std::string& file) const;

  Task task_;
  Progress& progress_;
  std::vector<Named> parameters_;  // those that are trained
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<PlateauSchedule> plateau_;
  std::unique_ptr<Schedule> schedule_;
  std::optional<EarlyStopping> stopping_;
  data::TrainStream stream_;
  EpochMeans means_;  // of the epoch that is under way
  TrainerState state_;
  int signal_ = 0;
};

}  // namespace plexiform::training

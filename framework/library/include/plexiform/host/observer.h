// Follows a training as it runs, and may end it: the one seam between the training loop and whoever watches. The command
// line's progress lines are an observer; so is a program's own.
// Threads  called on the thread that trains; the loop waits. Exceptions end the training and reach the caller of train().
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace plexiform::host {

using Json = nlohmann::ordered_json;

// What the training does next.
enum class Next {
  go_on,
  finish,   // no further step: this epoch is validated, the best model is scored and written, as after early stopping
  suspend,  // a checkpoint is written and train() returns at once; the run can be resumed to the same bits
};

// Where the training stands. Counts are from the start of the run, also when it was resumed.
struct Position {
  int64_t epoch = 0, epochs = 0;   // this one, from 1; how many there will be at most
  int64_t batch = 0, batches = 0;  // done of this epoch; of a whole epoch
  int64_t step = 0;                // optimiser steps done
};

struct Step {
  Position at;
  std::string session;       // the batch was of this one
  double loss = 0;           // with penalties
  double learning_rate = 0;  // of the optimiser's next step
};

struct Epoch {
  Position at;
  Json metrics;         // name -> number, as in metrics.csv: "train_loss", "val_loss", "val_correlation", "lr", ...
  std::string monitor;  // the metric that decides what is best
  bool best = false;    // better than all before: it was kept
};

class Observer {
 public:
  virtual ~Observer() = default;
  // Before the first batch of an epoch, or the first after resuming within one.
  virtual void epoch_begins(const Position&) {}
  // After every batch.
  virtual Next step_done(const Step&) { return Next::go_on; }
  // After a validation within an epoch (trainer.val_check_interval); its metrics are those of the validation alone.
  virtual Next validated(const Epoch&) { return Next::go_on; }
  // After an epoch and its validation; the checkpoints are written when this returns.
  virtual Next epoch_done(const Epoch&) { return Next::go_on; }
  // A note in words: what of the config is accepted but works otherwise, what was resumed, why training ended early.
  virtual void note(const std::string&) {}
  // Training is over, and was not suspended: the best model is written and scored next. In the first process alone, as it
  // alone does so.
  virtual void scores_begin() {}
};

}  // namespace plexiform::host

// What a user sees while a model trains: a bar on a terminal, one line per epoch everywhere.
#pragma once

#include <plexiform/params.h>

#include <chrono>
#include <string>

namespace plexiform::training {

class Progress {
 public:
  // bar: redraw a line on standard error after every step (ten times a second at most).
  // log: a file that the lines are appended to as well; "" for none.
  Progress(bool bar, std::string log) : bar_(bar), log_(std::move(log)) {}
  ~Progress() { clear(); }

  void start_epoch(int64_t epoch, int64_t epochs, int64_t steps, int64_t done);
  void step(int64_t done, double loss);
  // "epoch   3/20  train_loss 0.5123  val_loss 0.5141  val_correlation 0.4310  lr 0.01  1.2 s  12.3 steps/s  best"
  void end_epoch(const Json& means, const std::string& monitor, double learning_rate, bool best);
  // A line of text, above the bar.
  void say(const std::string& text);

 private:
  void clear();

  using Clock = std::chrono::steady_clock;
  bool bar_, drawn_ = false;
  std::string log_;
  int64_t epoch_ = 0, epochs_ = 0, steps_ = 0, first_ = 0, done_ = 0;
  Clock::time_point start_, last_drawn_;
};

}  // namespace plexiform::training

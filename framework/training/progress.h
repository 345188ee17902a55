// A training in lines of text: one per epoch, and the notes.
#pragma once

#include <plexiform/host/observer.h>

#include <chrono>
#include <string>

namespace plexiform::training {

class EpochLines : public host::Observer {
 public:
  void epoch_begins(const host::Position& at) override;
  // "epoch   3/20  train_loss 0.5123  val_loss 0.5141  val_correlation 0.4310  lr 0.01  1.2 s  12.3 steps/s  best"
  host::Next epoch_done(const host::Epoch& epoch) override;
  // "epoch   3/20  batch   40/120  val_loss 0.5141  ..."
  host::Next validated(const host::Epoch& epoch) override;
  void note(const std::string& text) override { say(text); }

 protected:
  virtual void say(const std::string& line) = 0;
  double seconds() const;  // of this epoch, since it began or was resumed
  int64_t first_batch() const { return first_; }

 private:
  static std::string line(const host::Epoch& epoch, const std::string& where);

  std::chrono::steady_clock::time_point start_;
  int64_t first_ = 0;
};

// Appends to a file. One that cannot be written does not end a training: the lines are a comfort, metrics.csv the record.
class LogFile final : public EpochLines {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)) {}

 private:
  void say(const std::string& line) override;

  std::string path_;
};

}  // namespace plexiform::training

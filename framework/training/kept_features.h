// The features of a core that is not trained, computed once and kept: readouts are then fitted without it. A window's features
// are a part of its trial's, so a trial goes through the core once, in pieces, when the first window of it is asked for.
// Notation  F features, T bins of a trial, T' of a window's features, H' x W' px of a map.
#pragma once

#include <training/task.h>

#include <map>
#include <memory>

namespace plexiform::training {

class KeptFeatures {
 public:
  // Why the features of this run's windows are not parts of its trials', in words; "": they are.
  static std::string obstacle(const Task& task);

  // trainer.keep_features says where they are kept. A file lies in the run's folder, without a name: it is gone when the run
  // ends, however it does.
  explicit KeptFeatures(const Task& task);

  // (B, F, T', H', W') of windows of training trials, `length` bins each; in memory by bins, (B, T', F, H', W').
  at::Tensor of(size_t session, const std::vector<data::Window>& windows, int64_t length);

  double gigabytes() const;  // of all trials
  bool in_file() const { return in_file_; }

 private:
  const at::Tensor& of_trial(size_t session, size_t trial);
  at::Tensor memory(int64_t numbers) const;

  const Task& task_;
  const int64_t lag_;  // bins of a window before its first feature
  Shape features_;     // of a window
  bool in_file_ = false;
  std::map<std::pair<size_t, size_t>, at::Tensor> trials_;  // by session and trial: (T - lag, F, H', W')
};

}  // namespace plexiform::training

// Training ends when a metric stops improving.
// Source  the rule is that of lightning.pytorch.callbacks.EarlyStopping.
#pragma once

#include <plexiform/params.h>

#include <optional>
#include <string>

namespace plexiform::training {

struct EarlyStoppingParams {
  std::string monitor;
  std::string mode = "min";
  double min_delta = 0;
  int64_t patience = 3;
  bool strict = true;
  bool check_finite = true;
  std::optional<double> stopping_threshold;
  std::optional<double> divergence_threshold;
  bool verbose = false;
  std::optional<bool> check_on_train_epoch_end;
  bool log_rank_zero_only = false;
  void describe(auto& knob) {
    knob("monitor", monitor, {.doc = "name of the logged metric", .required = true});
    knob("mode", mode, {.doc = "min: lower is better; max: higher", .choices = {"min", "max"}});
    knob("min_delta", min_delta, {.doc = "smallest change that is an improvement", .min = 0});
    knob("patience", patience, {.doc = "epochs without improvement that end training", .min = 0});
    knob("strict", strict, {.doc = "a metric that is not logged is an error; false: it stops nothing, with a warning"});
    knob("check_finite", check_finite, {.doc = "NaN or infinity ends training"});
    knob("stopping_threshold", stopping_threshold, {.doc = "better than this: good enough"});
    knob("divergence_threshold", divergence_threshold, {.doc = "worse than this: hopeless"});
    knob("verbose", verbose, {.doc = "accepted; a new best is marked in its epoch's line"});
    knob("check_on_train_epoch_end", check_on_train_epoch_end,
         {.doc = "taken for compatibility: the metric is looked at once, when an epoch is over"});
    knob("log_rank_zero_only", log_rank_zero_only,
         {.doc = "taken for compatibility: only the first process ever speaks"});
  }
};

class EarlyStopping {
 public:
  explicit EarlyStopping(const EarlyStoppingParams& params);

  struct Verdict {
    bool stop = false;
    bool improved = false;
    std::string reason;  // a sentence, when `stop`
  };
  // After an epoch's validation. An improvement is more than min_delta better than the best; it
  // stops at the patience-th epoch in a row that brings none.
  Verdict update(double metric);

  const EarlyStoppingParams& params() const { return params_; }

  // For a checkpoint. restore() throws Error for what state() did not give.
  Json state() const;
  void restore(const Json& state);

 private:
  EarlyStoppingParams params_;
  double best_;
  int64_t waited_ = 0;
};

}  // namespace plexiform::training

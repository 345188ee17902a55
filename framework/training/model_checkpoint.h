// Which checkpoints are kept: the best `save_top_k` by a metric, beside the last one, which is always there.
// Source  the knobs are those of lightning.pytorch.callbacks.ModelCheckpoint.
#pragma once

#include <plexiform/params.h>
#include <training/trainer_params.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

struct CheckpointParams {
  std::optional<std::string> dirpath, filename;
  std::string monitor = "val_correlation";
  std::string mode = "max";
  int64_t save_top_k = 1;
  std::optional<bool> save_last;
  bool verbose = false, auto_insert_metric_name = true, save_weights_only = false;
  std::optional<int64_t> every_n_train_steps, every_n_epochs;
  Json train_time_interval, save_on_train_epoch_end;
  void describe(auto& knob) {
    knob("dirpath", dirpath, {.doc = "folder; null: checkpoints/ of the run"});
    knob("filename", filename,
         {.doc = "template of a checkpoint's name, such as {epoch:02d}_{val_loss:.3f}; null: best"});
    knob("monitor", monitor, {.doc = "the metric that decides what is best"});
    knob("mode", mode, {.doc = "whether larger or smaller is better", .choices = {"max", "min"}});
    knob("save_top_k", save_top_k, {.doc = "best checkpoints to keep; -1: all; 0: only the last", .min = -1});
    knob("save_last", save_last, {.doc = "accepted; the last checkpoint is always kept"});
    knob("verbose", verbose, {.doc = "accepted; a new best is always marked"});
    knob("auto_insert_metric_name", auto_insert_metric_name, {.doc = "{epoch:02d} becomes epoch=07"});
    knob("save_weights_only", save_weights_only, {.doc = "accepted; a checkpoint is always whole"});
    knob("every_n_train_steps", every_n_train_steps,
         {.doc = "also save the last checkpoint every so many steps", .min = 1});
    knob("every_n_epochs", every_n_epochs, {.doc = "look for a best checkpoint every so many epochs", .min = 1});
    knob("train_time_interval", train_time_interval,
         {.doc = "save the last checkpoint so often within an epoch, DD:HH:MM:SS or {minutes: 5}; null: 5 minutes"});
    knob("save_on_train_epoch_end", save_on_train_epoch_end, {.doc = "accepted; both come before a checkpoint"});
  }
  void check() const {
    if (!train_time_interval.is_null()) duration("train_time_interval", train_time_interval);
  }
};

// "epoch=07_val_loss=0.312.safetensors" from the template and a row of metrics; "best.safetensors" without a template.
std::string checkpoint_name(const CheckpointParams& params, const Json& metrics);

class KeptCheckpoints {
 public:
  explicit KeptCheckpoints(const CheckpointParams& params) : params_(params) {}

  // Whether `value` is better than all before; whether it is among the best save_top_k. One that is not finite is neither.
  bool is_best(double value) const;
  bool earns_a_place(double value) const;
  // Takes a checkpoint in, under the name of its metrics, "-v1" appended where another has it.
  //   returns  its name; `lost` gets the names of those that lose their place, to be removed once it is on disk
  std::string add(const Json& metrics, double value, std::vector<std::string>& lost);
  // Name of the best; "" before the first.
  std::string best() const { return kept_.empty() ? "" : kept_.front().file; }

  // For a checkpoint: [[file, value], ...], best first.
  Json state() const;
  void restore(const Json& state);

 private:
  struct Kept {
    std::string file;
    double value;
  };
  bool better(double a, double b) const { return params_.mode == "max" ? a > b : a < b; }

  CheckpointParams params_;
  std::vector<Kept> kept_;  // best first
};

}  // namespace plexiform::training

// What the config says of a run, read and checked before anything heavy happens. Names are Lightning's and PyTorch's.
#pragma once

#include <config/node.h>
#include <plexiform/params.h>
#include <training/early_stopping.h>
#include <training/plateau.h>
#include <training/schedule.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

using config::Json;

struct TrainerParams {
  int64_t max_epochs = 50;
  int64_t max_steps = -1;
  std::optional<double> gradient_clip_val;
  int64_t accumulate_grad_batches = 1;
  int64_t check_val_every_n_epoch = 1;
  std::optional<int64_t> limit_train_batches, limit_val_batches;
  Json precision = "32-true";
  Json deterministic = false;
  std::optional<bool> enable_progress_bar;
  std::string accelerator = "auto";
  Json devices = "auto";
  int64_t log_every_n_steps = 50;
  std::optional<std::string> default_root_dir;
  void describe(auto& knob) {
    knob("max_epochs", max_epochs, {.doc = "passes over the training data", .min = 1});
    knob("max_steps", max_steps, {.doc = "optimiser steps after which to stop; -1: no limit", .min = -1});
    knob("gradient_clip_val", gradient_clip_val, {.doc = "largest norm of the gradient; null: no clipping", .min = 0});
    knob("accumulate_grad_batches", accumulate_grad_batches, {.doc = "batches per optimiser step", .min = 1});
    knob("check_val_every_n_epoch", check_val_every_n_epoch, {.doc = "epochs between validations", .min = 1});
    knob("limit_train_batches", limit_train_batches, {.doc = "batches per epoch at most", .min = 1});
    knob("limit_val_batches", limit_val_batches, {.doc = "validation batches per session at most", .min = 1});
    knob("precision", precision, {.doc = "32-true; a mixed precision runs as 32-true on a CPU, with a warning"});
    knob("deterministic", deterministic, {.doc = "accepted; runs on a CPU are deterministic at a fixed thread count"});
    knob("enable_progress_bar", enable_progress_bar, {.doc = "null: when standard error is a terminal"});
    knob("accelerator", accelerator, {.doc = "where to train", .choices = {"auto", "cpu"}});
    knob("devices", devices, {.doc = "1 or auto: one process"});
    knob("log_every_n_steps", log_every_n_steps, {.doc = "accepted; metrics are logged per epoch", .min = 1});
    knob("default_root_dir", default_root_dir, {.doc = "accepted; a run is written to its run folder"});
  }
};

// ModelCheckpoint: the best epoch by `monitor`, beside the last one, which is always kept.
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
    knob("filename", filename, {.doc = "template of the best checkpoint's name, such as {epoch:02d}_{val_loss:.3f}"});
    knob("monitor", monitor, {.doc = "the metric that decides what is best"});
    knob("mode", mode, {.doc = "whether larger or smaller is better", .choices = {"max", "min"}});
    knob("save_top_k", save_top_k, {.doc = "best checkpoints to keep", .min = 1, .max = 1});
    knob("save_last", save_last, {.doc = "accepted; the last checkpoint is always kept"});
    knob("verbose", verbose, {.doc = "accepted; a new best is always marked"});
    knob("auto_insert_metric_name", auto_insert_metric_name, {.doc = "{epoch:02d} becomes epoch=07"});
    knob("save_weights_only", save_weights_only, {.doc = "accepted; a checkpoint is always whole"});
    knob("every_n_train_steps", every_n_train_steps,
         {.doc = "also save the last checkpoint every so many steps", .min = 1});
    knob("every_n_epochs", every_n_epochs, {.doc = "accepted; every epoch is looked at", .min = 1});
    knob("train_time_interval", train_time_interval, {.doc = "accepted; a long epoch is saved every 5 minutes"});
    knob("save_on_train_epoch_end", save_on_train_epoch_end, {.doc = "accepted"});
  }
};

// "epoch=07_val_loss=0.312.safetensors" from the template and an epoch's metrics; "best.safetensors" without a template.
std::string best_checkpoint_name(const CheckpointParams& params, const Json& metrics);

struct Settings {
  uint64_t seed = 42;
  std::string compat;  // "" or "openretina"
  TrainerParams trainer;
  std::string optimizer;  // its _target_
  Json optimizer_knobs;
  // No lr_scheduler: neither of them, and the rate is constant.
  std::optional<PlateauParams> plateau;
  std::string schedule;  // the _target_ of one that follows no metric, or ""
  Json schedule_knobs;
  CountingParams counting;
  std::optional<EarlyStoppingParams> stopping;  // no early_stopping: all epochs are trained
  CheckpointParams checkpoint;
  std::vector<std::string> warnings;  // what is accepted but works otherwise here; to be shown
};

// From the top level of a resolved config. Throws Error with the place of whatever is unknown or out of range; metrics that
// are monitored have to exist. `sessions` are the names that val_correlation/<session> may have; none: they are not known yet.
Settings read_settings(const config::Node& root, const std::vector<std::string>& sessions);

}  // namespace plexiform::training

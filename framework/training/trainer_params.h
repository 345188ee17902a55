// The config's `trainer`: how long, how often, how exactly.
// Source  names, meanings and defaults are those of lightning.Trainer; what is otherwise here stands in a knob's doc.
#pragma once

#include <c10/core/Device.h>
#include <plexiform/params.h>

#include <optional>
#include <string>

namespace plexiform::training {

// A share of something (a number with a point, 0 to 1) or a count (a whole number), as Lightning tells them apart.
//   returns  how many of `all`, at least 1; null: all
int64_t share_of(const Json& limit, int64_t all);

// "DD:HH:MM:SS", or {weeks, days, hours, minutes, seconds}.
//   returns  seconds. Throws Error(knob, ...)
double duration(const std::string& knob, const Json& value);

struct TrainerParams {
  int64_t max_epochs = 50, min_epochs = 0;
  int64_t max_steps = -1, min_steps = 0;
  Json max_time;
  Json limit_train_batches, limit_val_batches, limit_test_batches;
  Json overfit_batches = 0, fast_dev_run = false;
  Json val_check_interval;
  int64_t check_val_every_n_epoch = 1;
  int64_t num_sanity_val_steps = 2;
  int64_t log_every_n_steps = 50;
  int64_t accumulate_grad_batches = 1;
  std::optional<double> gradient_clip_val;
  std::string gradient_clip_algorithm = "norm";
  Json precision = "32-true";
  Json deterministic = false;
  bool detect_anomaly = false;
  Json profiler;
  std::string keep_features = "auto";
  bool shared_core_pass = false;
  std::optional<bool> enable_progress_bar;
  bool enable_model_summary = false, enable_checkpointing = true;
  std::string accelerator = "auto";
  Json devices = "auto";
  int64_t num_nodes = 1;
  std::optional<std::string> default_root_dir;
  void describe(auto& knob) {
    knob("max_epochs", max_epochs, {.doc = "passes over the training data", .min = 1});
    knob("min_epochs", min_epochs, {.doc = "epochs before which neither a metric nor a clock ends training", .min = 0});
    knob("max_steps", max_steps, {.doc = "optimiser steps after which to stop; -1: no limit", .min = -1});
    knob("min_steps", min_steps, {.doc = "steps before which neither a metric nor a clock ends training", .min = 0});
    knob("max_time", max_time, {.doc = "time to train, DD:HH:MM:SS or {hours: 3}; counted through resumed runs"});
    knob("limit_train_batches", limit_train_batches,
         {.doc = "share (0.1) or number (10) of the batches that are used, per epoch; null: all"});
    knob("limit_val_batches", limit_val_batches,
         {.doc = "share (0.1) or number (10) of the batches that are used, per session; null: all"});
    knob("limit_test_batches", limit_test_batches,
         {.doc = "share (0.1) or number (10) of the batches that are used, per session and test stimulus; null: all"});
    knob("overfit_batches", overfit_batches,
         {.doc = "share or number of training batches, the same in each epoch; 0: not so"});
    knob("fast_dev_run", fast_dev_run,
         {.doc = "true or n: one epoch of n batches of each kind, without callbacks and loggers"});
    knob("val_check_interval", val_check_interval,
         {.doc = "share (0.25) or number of an epoch's batches after which to validate; always after an epoch, too"});
    knob("check_val_every_n_epoch", check_val_every_n_epoch, {.doc = "epochs between validations", .min = 1});
    knob("num_sanity_val_steps", num_sanity_val_steps,
         {.doc = "validation batches per session before training, to meet an error early; -1: all", .min = -1});
    knob("log_every_n_steps", log_every_n_steps, {.doc = "steps between two that a logger is told of", .min = 1});
    knob("accumulate_grad_batches", accumulate_grad_batches, {.doc = "batches per optimiser step", .min = 1});
    knob("gradient_clip_val", gradient_clip_val, {.doc = "largest gradient; null: no clipping", .min = 0});
    knob("gradient_clip_algorithm", gradient_clip_algorithm,
         {.doc = "what is clipped: the norm of all gradients, or each value", .choices = {"norm", "value"}});
    knob("precision", precision, {.doc = "32-true, or bf16-mixed: convolutions and products in bfloat16"});
    knob("deterministic", deterministic,
         {.doc = "true: an operation that is not deterministic is an error; warn: a warning"});
    knob("detect_anomaly", detect_anomaly, {.doc = "name the operation whose gradient is not a number; slow"});
    knob("profiler", profiler,
         {.doc = "simple: where the time goes; chrome: every operator of some steps; null: none"});
    knob("keep_features", keep_features,
         {.doc = "where the features of a core that is not trained are kept, computed once; auto: in memory up to 2 GB",
          .choices = {"auto", "memory", "file", "no"}});
    knob("shared_core_pass", shared_core_pass,
         {.doc = "a step is a pass of the core over windows that sessions saw alike, and a turn of each: fewer, larger "
                 "steps"});
    knob("enable_progress_bar", enable_progress_bar, {.doc = "null: when standard error is a terminal"});
    knob("enable_model_summary", enable_model_summary, {.doc = "put the model's plan into train.log"});
    knob("enable_checkpointing", enable_checkpointing, {.doc = "must be true: a run ends with its best checkpoint"});
    knob("accelerator", accelerator,
         {.doc = "where to train; gpu: CUDA's, one for each process; auto: on the CPU",
          .choices = {"auto", "cpu", "gpu", "cuda"}});
    knob("devices", devices,
         {.doc = "processes on each machine, started by torchrun, mpirun or srun; auto: as many as they start"});
    knob("num_nodes", num_nodes, {.doc = "machines, where devices is a number", .min = 1});
    knob("default_root_dir", default_root_dir, {.doc = "accepted; a run is written to its run folder"});
  }
  // Throws Error(knob, what, fix).
  void check() const;

  // Of `all` batches that the data give, those of an epoch; and those after which to validate, which divide into whole
  // optimiser steps. Throws Error for a val_check_interval that does not fit.
  int64_t batches_per_epoch(int64_t all) const;
  int64_t batches_between_validations(int64_t all) const;
  bool overfits() const { return overfit_batches != 0; }
  // fast_dev_run as a number of batches; 0: off.
  int64_t dev_batches() const;
  bool mixed_precision() const;
  // The device of the process with that rank on its machine. Throws Error("trainer.accelerator", ...) where there is no GPU.
  at::Device device(int local_rank) const;
  // devices x num_nodes; 0: as many as there are.
  int64_t processes() const;
  // A word for the user about what is accepted but works otherwise; "" when there is none.
  std::string warning() const;
  std::optional<double> max_seconds() const;
};

}  // namespace plexiform::training

// What the config says of a run, read and checked before anything heavy happens. Names are Lightning's and PyTorch's.
#pragma once

#include <config/node.h>
#include <plexiform/params.h>
#include <training/augmentation.h>
#include <training/early_stopping.h>
#include <training/loggers.h>
#include <training/model_checkpoint.h>
#include <training/plateau.h>
#include <training/rate_finder.h>
#include <training/schedule.h>
#include <training/trainer_params.h>
#include <training/weight_average.h>
#include <training/weight_pictures.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

using config::Json;

struct RateMonitorParams {
  std::optional<std::string> logging_interval;
  bool log_momentum = false, log_weight_decay = false;
  void describe(auto& knob) {
    knob("logging_interval", logging_interval,
         {.doc = "accepted; the rate is a column of metrics.csv, and loggers are told of it at steps, too"});
    knob("log_momentum", log_momentum, {.doc = "a column `momentum` of metrics.csv"});
    knob("log_weight_decay", log_weight_decay, {.doc = "a column `weight_decay` of metrics.csv"});
  }
};

struct Settings {
  uint64_t seed = 42;
  std::string compat;  // "" or "openretina"
  TrainerParams trainer;
  Augmentation augmentation;
  std::string optimizer;  // its _target_
  Json optimizer_knobs;
  // No lr_scheduler: neither of them, and the rate is constant.
  std::optional<PlateauParams> plateau;
  std::string schedule;  // the _target_ of one that follows no metric, or ""
  Json schedule_knobs;
  CountingParams counting;
  std::optional<EarlyStoppingParams> stopping;  // no early_stopping: all epochs are trained
  CheckpointParams checkpoint;
  std::vector<std::string> frozen;  // patterns of parameter names, `*` is any text; ["core.*"]: only_train_readout
  std::optional<EmaParams> ema;     // at most one of the two
  std::optional<SwaParams> swa;
  RateMonitorParams rate_monitor;
  std::optional<RateFinderParams> rate_finder;
  bool reset_optimizer = false;  // it forgets its moments when a metric has lowered the rate
  std::optional<WeightPicturesParams> pictures;
  std::optional<TensorBoardParams> tensorboard;
  std::vector<CsvParams> csv;
  std::vector<std::string> warnings;  // what is accepted but works otherwise here; to be shown
};

// From the top level of a resolved config. Throws Error with the place of whatever is unknown or out of range; metrics that
// are monitored have to exist. `sessions` are the names that val_correlation/<session> may have; none: they are not known yet.
Settings read_settings(const config::Node& root, const std::vector<std::string>& sessions);

}  // namespace plexiform::training

// Loggers: observers that write metrics where other programs look for them. metrics.csv and train.log are always written.
// Source  the knobs are those of lightning.pytorch.loggers.
#pragma once

#include <model/model.h>
#include <plexiform/host/observer.h>
#include <plexiform/params.h>
#include <training/event_file.h>

#include <optional>
#include <string>

namespace plexiform::training {

struct TensorBoardParams {
  std::optional<std::string> save_dir, name, version, sub_dir;
  std::string prefix;
  bool log_graph = false, default_hp_metric = false;
  std::optional<int64_t> max_queue, flush_secs;
  void describe(auto& knob) {
    knob("save_dir", save_dir, {.doc = "folder; null: tensorboard/ of the run"});
    knob("name", name, {.doc = "folder within it; null: none"});
    knob("version", version, {.doc = "folder within that; null: none"});
    knob("sub_dir", sub_dir, {.doc = "folder within that; null: none"});
    knob("prefix", prefix, {.doc = "before the name of each metric: prefix-val_loss"});
    knob("log_graph", log_graph, {.doc = "must be false: a model is no traced graph"});
    knob("default_hp_metric", default_hp_metric, {.doc = "accepted; the metrics are logged under their own names"});
    knob("max_queue", max_queue, {.doc = "accepted; every record is written at once", .min = 1});
    knob("flush_secs", flush_secs, {.doc = "accepted; every record is written at once", .min = 0});
  }
  void check() const {
    if (log_graph) throw Error("log_graph", "is true, but a model is no traced graph", "set it to false");
  }
};

struct CsvParams {
  std::optional<std::string> save_dir, name, version;
  std::string prefix;
  std::optional<int64_t> flush_logs_every_n_steps;
  void describe(auto& knob) {
    knob("save_dir", save_dir, {.doc = "folder of a second metrics.csv; null: the one of the run folder is enough"});
    knob("name", name, {.doc = "folder within it; null: none"});
    knob("version", version, {.doc = "folder within that; null: none"});
    knob("prefix", prefix, {.doc = "before the name of each column: prefix-val_loss"});
    knob("flush_logs_every_n_steps", flush_logs_every_n_steps,
         {.doc = "accepted; the file is written after every validation", .min = 1});
  }
};

// Writes the rows of metrics again, where the logger wants them.
void write_csv(const CsvParams& params, const host::Json& rows);

// Event files (event_file.h): the metrics of an epoch by their names, `train_loss_step` and `lr` of every n-th optimiser
// step, the config as text, and the weight pictures of core and readouts after an epoch, if the components have any.
class TensorBoardLogger final : public host::Observer {
 public:
  //   folder   of the run
  //   every    optimiser steps between two logged ones
  //   config   as YAML
  TensorBoardLogger(const TensorBoardParams& params, const std::string& folder, int64_t every,
                    const std::string& config, const model::Model& model);

  host::Next step_done(const host::Step& step) override;
  host::Next validated(const host::Epoch& epoch) override;
  host::Next epoch_done(const host::Epoch& epoch) override;

 private:
  void scalars(int64_t step, const host::Json& metrics);

  EventFile file_;
  std::string prefix_;
  int64_t every_, logged_ = 0;
  const model::Model& model_;
};

}  // namespace plexiform::training

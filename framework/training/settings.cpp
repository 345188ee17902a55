#include <config/knobs.h>
#include <fmt/format.h>
#include <training/optimizer.h>
#include <training/settings.h>

#include <algorithm>
#include <functional>

namespace plexiform::training {
namespace {

using config::Node;

struct TimerParams {
  Json duration;
  std::string interval = "step";
  bool verbose = true;
  void describe(auto& knob) {
    knob("duration", duration, {.doc = "trainer.max_time", .required = true});
    knob("interval", interval, {.doc = "when the clock is looked at", .choices = {"step"}});
    knob("verbose", verbose, {.doc = "accepted; the end is always told"});
  }
  void check() const { training::duration("duration", duration); }
};

struct ProgressBarParams {
  int64_t refresh_rate = 1, process_position = 0;
  bool leave = false;
  Json theme, console_kwargs;
  void describe(auto& knob) {
    knob("refresh_rate", refresh_rate, {.doc = "accepted; the bar is drawn ten times a second at most"});
    knob("process_position", process_position, {.doc = "accepted; there is one bar"});
    knob("leave", leave, {.doc = "accepted; a line per epoch stays"});
    knob("theme", theme, {.doc = "accepted"});
    knob("console_kwargs", console_kwargs, {.doc = "accepted"});
  }
};

struct NoParams {
  void describe(auto&) {}
};

struct SummaryParams {
  int64_t max_depth = 1;
  void describe(auto& knob) { knob("max_depth", max_depth, {.doc = "accepted; the whole plan is shown"}); }
};

// The `_target_` of the node at `path`, which has to be one of `known`.
std::string target(const Node& node, const std::string& path, const std::vector<std::string>& known) {
  const Node* name = node.find("_target_");
  if (!name || name->kind != config::Kind::string) {
    throw Error(config::where(node, path), "has no _target_", "name one: " + did_you_mean("", known));
  }
  if (std::find(known.begin(), known.end(), name->string) == known.end()) {
    throw Error(config::where(*name, path + "._target_"), "'" + name->string + "' is not known here",
                did_you_mean(name->string, known));
  }
  return name->string;
}

void check_metric(const std::string& metric, const std::string& place, const std::vector<std::string>& known) {
  const bool of_session = metric.starts_with("val_correlation/") || metric.starts_with("val_loss/");
  const bool sessions_known =
      std::any_of(known.begin(), known.end(), [](const auto& m) { return m.starts_with("val_correlation/"); });
  if ((of_session && !sessions_known) || std::find(known.begin(), known.end(), metric) != known.end()) return;
  throw Error(place, "no metric is called '" + metric + "'", did_you_mean(metric, known));
}

void check_monitor(const std::string& metric, const Node& node, const std::string& path,
                   const std::vector<std::string>& known) {
  check_metric(metric, config::where_knob(node, path, "monitor", false), known);
}

void read_trainer(const Node& root, Settings& settings) {
  const Node* node = root.find("trainer");
  if (!node || node->is_null()) return;
  if (node->find("_target_"))
    target(*node, "trainer", {"plexiform.Trainer", "lightning.Trainer", "lightning.pytorch.Trainer"});
  settings.trainer = config::read_knobs<TrainerParams>(*node, "trainer");
  if (const auto warning = settings.trainer.warning(); !warning.empty()) settings.warnings.push_back(warning);
}

// One short epoch, of which nothing else is kept or told.
void shorten(Settings& settings) {
  const int64_t batches = settings.trainer.dev_batches();
  if (batches == 0) return;
  auto& trainer = settings.trainer;
  trainer.max_epochs = 1;
  trainer.min_epochs = trainer.min_steps = trainer.num_sanity_val_steps = 0;
  trainer.max_steps = -1;
  trainer.overfit_batches = 0;
  trainer.val_check_interval = trainer.max_time = Json();
  trainer.limit_train_batches = trainer.limit_val_batches = trainer.limit_test_batches = batches;
  settings.stopping.reset();
  settings.ema.reset();
  settings.swa.reset();
  settings.pictures.reset();
  settings.tensorboard.reset();
  settings.csv.clear();
  settings.rate_finder.reset();
  settings.warnings.push_back("trainer.fast_dev_run: one epoch of " + std::to_string(batches) +
                              " batches of each kind, without callbacks and loggers; its scores mean nothing");
}

void read_optimizer(const Node& root, Settings& settings) {
  const Node* node = root.find("optimizer");
  if (!node || node->is_null()) {
    throw Error("optimizer", "the config has no optimizer", "choose one, such as optimizer=adamw in the defaults list");
  }
  const Node* name = node->find("_target_");
  settings.optimizer = name && name->kind == config::Kind::string ? name->string : "";
  settings.optimizer_knobs = config::own_knobs(*node);
  try {
    make_optimizer(settings.optimizer, settings.optimizer_knobs, {});
  } catch (const Error& e) {
    throw Error(config::where_knob(*node, "optimizer", e.where(), e.problem() == "no such parameter"), e.problem(),
                e.fix());
  }
}

void read_scheduler(const Node& root, Settings& settings, const std::vector<std::string>& metrics) {
  const Node* node = root.find("lr_scheduler");
  if (!node || node->is_null()) return;
  const std::string plateau = "torch.optim.lr_scheduler.ReduceLROnPlateau";
  auto known = schedule_targets();
  known.insert(known.begin(), plateau);
  const std::string kind = target(*node, "lr_scheduler", known);
  if (kind == plateau) {
    settings.plateau = config::read_knobs<PlateauParams>(*node, "lr_scheduler");
    check_monitor(settings.plateau->monitor, *node, "lr_scheduler", metrics);
    return;
  }
  settings.schedule = kind;
  settings.schedule_knobs = config::own_knobs(*node);
  try {
    settings.counting = take_counting(settings.schedule_knobs);
    const auto optimizer = make_optimizer(settings.optimizer, settings.optimizer_knobs, {});
    const ScheduleContext context{optimizer->learning_rate(), 2, optimizer->momentum().has_value()};
    make_schedule(kind, settings.schedule_knobs, context);
  } catch (const Error& e) {
    throw Error(config::where_knob(*node, "lr_scheduler", e.where(), e.problem() == "no such parameter"), e.problem(),
                e.fix());
  }
}

void read_stopping(const Node& node, const std::string& path, const std::vector<std::string>& metrics,
                   Settings& settings) {
  auto params = config::read_knobs<EarlyStoppingParams>(node, path);
  try {
    check_monitor(params.monitor, node, path, metrics);
  } catch (const Error& e) {
    if (params.strict) throw;
    settings.warnings.push_back(path + ": " + e.problem() + "; with strict: false, it stops nothing");
    return;
  }
  settings.stopping = params;
}

// What a callback's node does to the settings.
struct Callback {
  std::string name;
  std::function<void(const Node&, const std::string& path, const std::vector<std::string>& metrics, Settings&)> read;
};

// The callback's knobs become this member.
template <class Params>
Callback kept_as(const std::string& name, std::optional<Params> Settings::* member) {
  return {name, [member](const Node& node, const std::string& path, const auto&, Settings& settings) {
            settings.*member = config::read_knobs<Params>(node, path);
          }};
}

std::vector<Callback> known_callbacks() {
  const std::string lightning = "lightning.pytorch.callbacks.";
  const auto summary = [](const Node& node, const std::string& path, const auto&, Settings& settings) {
    config::read_knobs<SummaryParams>(node, path);
    settings.trainer.enable_model_summary = true;
  };
  const auto bar = [](const Node& node, const std::string& path, const auto&, Settings& settings) {
    config::read_knobs<ProgressBarParams>(node, path);
    settings.warnings.push_back(path + ": the bar is this program's own; trainer.enable_progress_bar switches it");
  };
  const auto reset = [](const Node& node, const std::string& path, const auto&, Settings& settings) {
    config::read_knobs<NoParams>(node, path);
    settings.reset_optimizer = true;
  };
  return {
      {lightning + "EarlyStopping", read_stopping},
      {lightning + "ModelCheckpoint",
       [](const Node& node, const std::string& path, const auto& metrics, Settings& settings) {
         settings.checkpoint = config::read_knobs<CheckpointParams>(node, path);
         check_monitor(settings.checkpoint.monitor, node, path, metrics);
       }},
      {lightning + "LearningRateMonitor",
       [](const Node& node, const std::string& path, const auto&, Settings& settings) {
         settings.rate_monitor = config::read_knobs<RateMonitorParams>(node, path);
       }},
      {lightning + "Timer",
       [](const Node& node, const std::string& path, const auto&, Settings& settings) {
         settings.trainer.max_time = config::read_knobs<TimerParams>(node, path).duration;
       }},
      {lightning + "ModelSummary", summary},
      {lightning + "RichModelSummary", summary},
      {lightning + "TQDMProgressBar", bar},
      {lightning + "RichProgressBar", bar},
      {"plexiform.callbacks.OptimizerReset", reset},
      {"openretina.utils.model_utils.OptimizerResetCallback", reset},
      kept_as(lightning + "EMAWeightAveraging", &Settings::ema),
      kept_as(lightning + "StochasticWeightAveraging", &Settings::swa),
      kept_as(lightning + "LearningRateFinder", &Settings::rate_finder),
      kept_as("plexiform.callbacks.WeightPictures", &Settings::pictures),
      kept_as("openretina.callbacks.weight_visualization_callback.WeightVisualizationCallback", &Settings::pictures),
  };
}

void read_callbacks(const Node& root, Settings& settings, const std::vector<std::string>& metrics) {
  const Node* callbacks = root.find("training_callbacks");
  if (!callbacks || callbacks->is_null()) return;
  const auto known = known_callbacks();
  std::vector<std::string> names;
  for (const auto& callback : known) names.push_back(callback.name);
  for (const auto& [name, node] : callbacks->entries) {
    if (node.is_null()) continue;
    const std::string path = "training_callbacks." + name, kind = target(node, path, names);
    known[std::find(names.begin(), names.end(), kind) - names.begin()].read(node, path, metrics, settings);
    if (settings.ema && settings.swa) {
      throw Error(config::where(node, path), "is the second average of the weights", "leave out EMA or SWA");
    }
  }
}

void read_loggers(const Node& root, Settings& settings) {
  const Node* loggers = root.find("logger");
  if (!loggers || loggers->is_null()) return;
  for (const auto& [name, node] : loggers->entries) {
    if (node.is_null()) continue;
    const Node* of = node.find("_target_");
    if (of && (of->string.ends_with(".WandbLogger") || of->string.ends_with(".MLFlowLogger"))) {
      settings.warnings.push_back(fmt::format(
          "logger.{}: {} is not written to; metrics.csv is, and TensorBoard's event files with logger=tensorboard",
          name, of->string.ends_with(".WandbLogger") ? "Weights & Biases" : "MLflow"));
      continue;
    }
    const std::string kind =
        target(node, "logger." + name,
               {"lightning.pytorch.loggers.csv_logs.CSVLogger", "lightning.pytorch.loggers.CSVLogger",
                "lightning.pytorch.loggers.TensorBoardLogger",
                "lightning.pytorch.loggers.tensorboard.TensorBoardLogger", "plexiform.loggers.TensorBoard"});
    if (kind.ends_with("CSVLogger")) {
      settings.csv.push_back(config::read_knobs<CsvParams>(node, "logger." + name));
    } else {
      settings.tensorboard = config::read_knobs<TensorBoardParams>(node, "logger." + name);
    }
  }
}

void read_frozen(const Node& root, Settings& settings) {
  if (const Node* only = root.find("only_train_readout"); only && !only->is_null()) {
    const Json value = config::to_json(*only);
    if (!value.is_boolean()) {
      throw Error(config::where(*only, "only_train_readout"), "is " + value.dump(), "use true or false");
    }
    if (value.get<bool>()) settings.frozen.push_back("core.*");
  }
  const Node* frozen = root.find("frozen");
  if (!frozen || frozen->is_null()) return;
  const Json patterns = config::to_json(*frozen);
  const auto is_text = [](const Json& one) { return one.is_string(); };
  if (!patterns.is_array() || !std::all_of(patterns.begin(), patterns.end(), is_text)) {
    throw Error(config::where(*frozen, "frozen"), "is no list of patterns", "write frozen: ['core.*']");
  }
  for (const auto& pattern : patterns) settings.frozen.push_back(pattern);
}

}  // namespace

Settings read_settings(const Node& root, const std::vector<std::string>& sessions) {
  std::vector<std::string> metrics = {"val_loss",
                                      "val_evaluation_loss",
                                      "val_correlation",
                                      "val_total_loss",
                                      "train_loss",
                                      "train_total_loss",
                                      "train_evaluation_loss",
                                      "regularization_loss_core",
                                      "regularization_loss_readout",
                                      "val_regularization_loss_core",
                                      "val_regularization_loss_readout"};
  for (const auto& session : sessions) {
    metrics.push_back("val_correlation/" + session);
    metrics.push_back("val_loss/" + session);
  }
  Settings settings;
  if (const Node* seed = root.find("seed"); seed && !seed->is_null()) {
    if (seed->kind != config::Kind::integer || seed->integer < 0) {
      throw Error(config::where(*seed, "seed"), "is not a whole number of at least 0", "use seed: 42");
    }
    settings.seed = static_cast<uint64_t>(seed->integer);
  }
  if (const Node* compat = root.find("compat"); compat && !compat->is_null()) {
    if (compat->kind != config::Kind::string || compat->string != "openretina") {
      throw Error(config::where(*compat, "compat"), "is not a package whose quirks are known",
                  "use compat: openretina, or null");
    }
    settings.compat = compat->string;
  }
  if (const Node* objective = root.find("objective_target"); objective && objective->kind == config::Kind::string) {
    check_metric(objective->string, config::where(*objective, "objective_target"), metrics);  // of a search
  }
  read_trainer(root, settings);
  read_optimizer(root, settings);
  read_scheduler(root, settings, metrics);
  read_callbacks(root, settings, metrics);
  read_loggers(root, settings);
  read_frozen(root, settings);
  if (const Node* node = root.find("augmentation"); node && !node->is_null()) {
    settings.augmentation = config::read_knobs<Augmentation>(*node, "augmentation");
  }
  shorten(settings);
  return settings;
}

}  // namespace plexiform::training

#include <config/knobs.h>
#include <fmt/args.h>
#include <fmt/format.h>
#include <training/optimizer.h>
#include <training/settings.h>

#include <algorithm>
#include <regex>

namespace plexiform::training {
namespace {

using config::Node;

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

void check_monitor(const std::string& metric, const Node& node, const std::string& path,
                   const std::vector<std::string>& known) {
  const bool of_session = metric.starts_with("val_correlation/");
  const bool sessions_known =
      std::any_of(known.begin(), known.end(), [](const auto& m) { return m.starts_with("val_correlation/"); });
  if ((of_session && !sessions_known) || std::find(known.begin(), known.end(), metric) != known.end()) return;
  throw Error(config::where_knob(node, path, "monitor", false), "no metric is called '" + metric + "'",
              did_you_mean(metric, known));
}

void read_trainer(const Node& root, Settings& settings) {
  const Node* node = root.find("trainer");
  if (!node || node->is_null()) return;
  if (node->find("_target_"))
    target(*node, "trainer", {"plexiform.Trainer", "lightning.Trainer", "lightning.pytorch.Trainer"});
  settings.trainer = config::read_knobs<TrainerParams>(*node, "trainer");
  const std::string precision = settings.trainer.precision.is_string() ? settings.trainer.precision.get<std::string>()
                                                                       : settings.trainer.precision.dump();
  const std::vector<std::string> full = {"32-true", "32"};
  const std::vector<std::string> mixed = {"16-mixed", "bf16-mixed", "16", "16-true", "bf16", "bf16-true"};
  if (std::find(mixed.begin(), mixed.end(), precision) != mixed.end()) {
    settings.warnings.push_back("trainer.precision: " + precision +
                                " is slower than float32 on a CPU: training in 32-true");
  } else if (std::find(full.begin(), full.end(), precision) == full.end()) {
    throw Error(config::where_knob(*node, "trainer", "precision", false), "is " + precision, "use 32-true");
  }
  if (const auto& devices = settings.trainer.devices; devices != "auto" && devices != 1 && devices != "1") {
    throw Error(config::where_knob(*node, "trainer", "devices", false), "is " + devices.dump(),
                "use 1 or auto: one process trains");
  }
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

void read_callbacks(const Node& root, Settings& settings, const std::vector<std::string>& metrics) {
  const Node* callbacks = root.find("training_callbacks");
  if (!callbacks || callbacks->is_null()) return;
  const std::string stopping = "lightning.pytorch.callbacks.EarlyStopping",
                    checkpoint = "lightning.pytorch.callbacks.ModelCheckpoint",
                    monitor = "lightning.pytorch.callbacks.LearningRateMonitor";
  for (const auto& [name, node] : callbacks->entries) {
    if (node.is_null()) continue;
    const std::string path = "training_callbacks." + name;
    const std::string kind = target(node, path, {stopping, checkpoint, monitor});
    if (kind == stopping) {
      settings.stopping = config::read_knobs<EarlyStoppingParams>(node, path);
      check_monitor(settings.stopping->monitor, node, path, metrics);
    } else if (kind == checkpoint) {
      settings.checkpoint = config::read_knobs<CheckpointParams>(node, path);
      check_monitor(settings.checkpoint.monitor, node, path, metrics);
    }  // the learning rate is a column of metrics.csv with or without its monitor
  }
}

void read_loggers(const Node& root, Settings& settings) {
  const Node* loggers = root.find("logger");
  if (!loggers || loggers->is_null()) return;
  for (const auto& [name, node] : loggers->entries) {
    if (node.is_null()) continue;
    const std::string kind =
        target(node, "logger." + name,
               {"lightning.pytorch.loggers.csv_logs.CSVLogger", "lightning.pytorch.loggers.CSVLogger",
                "lightning.pytorch.loggers.TensorBoardLogger"});
    if (kind.ends_with("TensorBoardLogger")) {
      settings.warnings.push_back(
          "logger." + name + ": TensorBoard files are not written; the metrics are in metrics.csv of the run folder");
    }
  }
}

}  // namespace

std::string best_checkpoint_name(const CheckpointParams& params, const Json& metrics) {
  if (!params.filename) return "best.safetensors";
  // {name:spec} -> name=value, as Lightning writes it; a spec is Python's, which fmt shares.
  static const std::regex field(R"(\{([^{}:]+)(:[^{}]*)?\})");
  std::string name, rest = *params.filename;
  for (std::smatch match; std::regex_search(rest, match, field); rest = match.suffix()) {
    const std::string key = match[1], spec = "{" + match[2].str() + "}";
    const Json value = metrics.contains(key) ? metrics[key] : Json(0);
    name += match.prefix().str() + (params.auto_insert_metric_name ? key + "=" : "");
    try {
      name += value.is_number_integer() ? fmt::format(fmt::runtime(spec), value.get<int64_t>())
                                        : fmt::format(fmt::runtime(spec), value.get<double>());
    } catch (const fmt::format_error&) {
      name += value.dump();
    }
  }
  return name + rest + ".safetensors";
}

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
  for (const auto& session : sessions) metrics.push_back("val_correlation/" + session);
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
  read_trainer(root, settings);
  read_optimizer(root, settings);
  read_scheduler(root, settings, metrics);
  read_callbacks(root, settings, metrics);
  read_loggers(root, settings);
  return settings;
}

}  // namespace plexiform::training

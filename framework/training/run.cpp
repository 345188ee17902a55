#include <ATen/Context.h>
#include <config/compose.h>
#include <config/shipped.h>
#include <data/checks.h>
#include <data/shared_stream.h>
#include <evaluation/predict.h>
#include <fmt/format.h>
#include <model/begin_from.h>
#include <model/build.h>
#include <model/bundle.h>
#include <model/denormals.h>
#include <model/inputs.h>
#include <model/plan.h>
#include <openretina/models.h>
#include <plexiform/abilities.h>
#include <training/frozen.h>
#include <training/kept_features.h>
#include <training/profile.h>
#include <training/progress.h>
#include <training/run.h>
#include <training/trainer.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <utility>

namespace plexiform::training {
namespace {

// Keys of the top level that the host reads; others are the user's own, for interpolation.
const std::vector<std::string> top_level = {"data_io",
                                            "dataloader",
                                            "augmentation",
                                            "model",
                                            "optimizer",
                                            "lr_scheduler",
                                            "training_callbacks",
                                            "logger",
                                            "trainer",
                                            "seed",
                                            "compat",
                                            "paths",
                                            "exp_name",
                                            "plugins",
                                            "quality_checks",
                                            "matmul_precision",
                                            "check_stimuli_responses_match",
                                            "only_train_readout",
                                            "frozen",
                                            "objective_target",
                                            "evaluation",
                                            "sta_filters",
                                            "hydra"};

// The keys of `model`: openretina's, of which learning_rate, optimizer and lr_scheduler are only pointed at.
const std::vector<std::string> model_keys = {
    "core",     "readout",        "clone",         "loss",      "evaluation_loss", "hidden_channels", "trace_channels",
    "in_shape", "n_neurons_dict", "learning_rate", "optimizer", "lr_scheduler",    "session_losses"};

void check_keys(const config::Node& root) {
  const auto* model = root.find("model");
  if (model && model->is_map() && !model->find("_target_")) {  // a whole model by name has arguments of its own
    for (const auto& [key, node] : model->entries) {
      if (std::find(model_keys.begin(), model_keys.end(), key) != model_keys.end()) continue;
      throw Error(config::where_key(node, "model." + key), "no such key", did_you_mean(key, model_keys));
    }
  }
  for (const auto& [key, node] : root.entries) {
    if (std::find(top_level.begin(), top_level.end(), key) != top_level.end()) continue;
    const auto near = nearest(key, top_level);
    if (!near.empty() && std::max(near.size(), key.size()) - std::min(near.size(), key.size()) <= 2) {
      throw Error(config::where_key(node, key), "no such section",
                  "did you mean '" + near + "'? A key of your own needs a name less like it");
    }
  }
}

// An Error about a dotted path of the config gets that path's file, line and column.
template <class F>
auto located(const config::Node& root, F&& body) {
  try {
    return body();
  } catch (const Error& e) {
    const std::string& path = e.where();
    const config::Node* node = path.empty() || path.find('/') != std::string::npos ? nullptr : root.at_path(path);
    if (!node) throw;
    throw Error(config::where(*node, path), e.problem(), e.fix());
  }
}

// Records the plugins of the model in the run folder; returns a sentence for each that the run did not use before.
std::vector<std::string> lock_plugins(const model::Model& model, const std::string& folder, Start start) {
  std::vector<plugins::Pin> now;
  for (const auto& origin : model.origins) now.push_back({origin.plugin, origin.version, origin.sha256});
  const auto lock = plugins::Lock::of(now);
  std::vector<std::string> changes;
  if (const auto recorded = plugins::Lock::of_run(folder); start == Start::resume && recorded) {
    const auto& before = recorded->pins();
    for (const auto& pin : lock.pins()) {
      if (std::find(before.begin(), before.end(), pin) != before.end()) continue;
      std::string old = "another plugin";
      for (const auto& other : before) {
        if (other.plugin == pin.plugin) old = other.text();
      }
      changes.push_back("the run goes on with " + pin.text() + "; before, it used " + old);
    }
  }
  lock.write(folder + "/plugins.lock");
  return changes;
}

// trainer.deterministic, for as long as a run trains.
class Deterministic {
 public:
  explicit Deterministic(const Json& knob)
      : before_(at::globalContext().deterministicAlgorithms()),
        warned_(at::globalContext().deterministicAlgorithmsWarnOnly()),
        filled_(at::globalContext().deterministicFillUninitializedMemory()) {
    const bool warn = knob == "warn";
    if (warn || knob == true) at::globalContext().setDeterministicAlgorithms(true, warn);
    // Or LibTorch writes NaN into whatever it allocates, to uncover who reads that: 5 % of a step.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  }
  ~Deterministic() {
    at::globalContext().setDeterministicAlgorithms(before_, warned_);
    at::globalContext().setDeterministicFillUninitializedMemory(filled_);
  }
  Deterministic(const Deterministic&) = delete;

 private:
  bool before_, warned_, filled_;
};

// The test windows that trainer.limit_test_batches leaves.
std::vector<data::Part> tested(const Task& task) {
  auto parts = task.split.tests;
  for (auto& part : parts) {
    std::vector<data::Window> windows;
    for (const auto& batch : limited(task, part, task.settings.trainer.limit_test_batches)) {
      windows.insert(windows.end(), batch.begin(), batch.end());
    }
    part.windows = windows;
  }
  return parts;
}

// The first parameter of the core that is of one session alone: each session has one, which ends in its name or has it
// between two points. Both are empty if there is none.
std::pair<std::string, std::string> parameter_of_a_session(const Run& run) {
  std::set<std::string> names;
  for (const auto& parameter : run.model.core->parameters()) names.insert(parameter.name);
  const auto& sessions = run.recordings.sessions;
  if (sessions.size() < 2) return {};
  for (const auto& name : names) {
    const std::string& first = sessions.front().name;
    for (size_t at = name.find(first); at != std::string::npos; at = name.find(first, at + 1)) {
      const std::string before = name.substr(0, at), after = name.substr(at + first.size());
      const bool apart =
          before.ends_with(".") ? after.empty() || after.starts_with(".") : before.ends_with("_") && after.empty();
      const auto of_each = [&](const auto& session) { return names.contains(before + session.name + after); };
      if (apart && std::all_of(sessions.begin(), sessions.end(), of_each)) return {name, first};
    }
  }
  return {};
}

// Steps of an epoch. Throws Error where a shared pass of the core does not suit the model, the data or the optimiser.
int64_t steps_per_epoch(const Run& run) {
  const uint64_t seed = run.settings.seed;
  const std::string knob = "trainer.shared_core_pass";
  if (!run.settings.trainer.shared_core_pass) {
    return data::TrainStream(run.recordings, run.split, run.loader, seed).steps_per_epoch();
  }
  if (run.settings.optimizer == "torch.optim.LBFGS") {
    throw Error(knob, "is true, but LBFGS evaluates a session's batch anew",
                "use another optimizer, or set it to false");
  }
  if (!run.model.trace_channels.empty()) {
    throw Error(knob, "is true, but the core gets '" + run.model.trace_channels.front().name + "' of each session",
                "set it to false");
  }
  auto* inputs = ability<Inputs>(*run.model.core);
  if (inputs && !inputs->inputs().empty()) {
    throw Error(knob, "is true, but the core reads '" + inputs->inputs().front().name + "' of each session",
                "set it to false");
  }
  if (const auto [name, session] = parameter_of_a_session(run); !name.empty()) {
    throw Error(knob, "is true, but the core has a parameter of session '" + session + "' alone, " + name,
                "set it to false");
  }
  return data::SharedStream(run.recordings, run.split, run.loader, seed).steps_per_epoch();
}

// Do the processes there are suit the config?
void check_processes(const TrainerParams& trainer, int64_t size) {
  const int64_t wanted = trainer.processes();
  if (wanted == 0 || wanted == size) return;
  const std::string counts =
      fmt::format("is {} on {} machine{}, but {} process{} started", wanted / trainer.num_nodes, trainer.num_nodes,
                  trainer.num_nodes == 1 ? "" : "s", size, size == 1 ? " was" : "es were");
  throw Error("trainer.devices", counts,
              size > 1 ? "set it to auto"
                       : fmt::format("start them: torchrun --no-python --nproc-per-node {} plexiform train ..., mpirun "
                                     "-n {} or srun -n {}",
                                     wanted / trainer.num_nodes, wanted, wanted));
}

// The first line in which two texts differ: ours, theirs.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream ours(a), theirs(b);
  std::string one, other;
  while (true) {
    const bool more = static_cast<bool>(std::getline(ours, one)),
               others = static_cast<bool>(std::getline(theirs, other));
    if (!more && !others) return {};
    if (!more) one = "nothing";
    if (!others) other = "nothing";
    if (one != other) return {one, other};
  }
}

// Processes that train one model have one config, the same plugins and data of the same shape.
void check_same(const Run& run, const std::string& folder) {
  if (!run.processes->several()) return;
  std::string own = config::to_yaml(run.config) + "run folder: " + folder + "\n";
  for (const auto& origin : run.model.origins) own += fmt::format("plugin {}: {}\n", origin.plugin, origin.sha256);
  for (const auto& part : run.split.train) {
    own += fmt::format("windows of {}: {}\n", run.recordings.sessions[part.session].name, part.windows.size());
  }
  const auto texts = run.processes->all(own);
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    if (texts[rank] == texts[0]) continue;
    const auto [first, other] = first_difference(texts[0], texts[rank]);
    throw Error(fmt::format("rank {}", rank), fmt::format("has '{}', where rank 0 has '{}'", other, first),
                "give all processes the same command, plugins and data; to train different models, start them without "
                "the launcher's variables (env -u RANK -u WORLD_SIZE, -u OMPI_COMM_WORLD_SIZE, -u SLURM_PROCID)");
  }
}

// Is there a row of every batch for each process?
void check_share(const Run& run) {
  const int64_t processes = run.processes->size();
  int64_t rows = run.loader.batch_size;
  for (const auto& part : run.split.train) rows = std::min(rows, static_cast<int64_t>(part.windows.size()));
  if (rows >= processes) return;
  throw Error("dataloader.batch_size",
              fmt::format("gives batches of {} windows, too few for {} processes", rows, processes),
              fmt::format("raise it, or start {} processes; no session may have fewer training windows", rows));
}

std::string shared_pass(const Run& run) {
  const data::SharedStream stream(run.recordings, run.split, run.loader, run.settings.seed);
  return fmt::format(
      "a step is one pass of the core for all sessions that saw a window, {:.3g} on average; its gradient is the sum "
      "of theirs: "
      "{} larger steps an epoch, for which learning rate and gradient_clip_val may need another value",
      stream.sessions_per_window(), stream.steps_per_epoch());
}

}  // namespace

std::string Run::plan() const { return model::describe_plan(model, recordings, split, loader); }

std::unique_ptr<Run> prepare(const config::Node& composed, const config::Resolvers& resolvers,
                             plugins::Catalogue& catalogue, std::shared_ptr<const parallel::Processes> processes) {
  model::flush_denormals();
  check_keys(composed);
  auto run = std::make_unique<Run>();
  run->processes = std::move(processes);
  run->composed = composed;
  auto filled = config::fill_dangling(run->composed);
  run->config = config::resolve(run->composed, resolvers);
  openretina::expand(run->config);
  const auto defaults = config::fill_defaults(run->config);
  filled.insert(filled.end(), defaults.begin(), defaults.end());
  const config::Node* model_node = run->config.find("model");
  if (!model_node || model_node->kind != config::Kind::map) {
    throw Error("model", "the config has no model",
                "choose one, such as model: base_core_readout in the defaults list");
  }
  const auto early = read_settings(run->config, {});  // what needs no data is checked before they are read
  const auto device = located(run->config, [&] {
    check_processes(early.trainer, run->processes->size());
    return early.trainer.device(run->processes->local_rank());
  });
  run->loader = data::read_loader(run->config);
  model::check_components(*model_node, catalogue);
  run->recordings = located(run->config, [&] { return data::read_recordings(run->config); });

  std::vector<std::string> names;
  model::Spec spec{*model_node, {}, {}, {}};
  for (const auto& session : run->recordings.sessions) {
    names.push_back(session.name);
    std::vector<Named> info;
    for (const auto& [name, tensor] : session.info) info.push_back({name, tensor});
    spec.sessions.push_back({session.name, session.neurons, session.mean_activity(), std::move(info)});
  }
  run->settings = read_settings(run->config, names);
  run->settings.warnings.insert(run->settings.warnings.end(), filled.begin(), filled.end());
  const auto doubts = data::doubts(run->recordings);
  run->settings.warnings.insert(run->settings.warnings.end(), doubts.begin(), doubts.end());
  spec.compat = run->settings.compat;
  spec.window = {run->recordings.channels, run->loader.train_chunk_size, run->recordings.height, run->recordings.width};
  at::manual_seed(run->settings.seed);
  run->model = model::build(spec, catalogue);
  model::check_inputs(run->model, run->recordings);
  if (const config::Node* trained = run->config.at_path("paths.load_model_path"); trained && !trained->is_null()) {
    const auto notes = model::begin_from(run->model, trained->string, run->recordings);
    run->settings.warnings.insert(run->settings.warnings.end(), notes.begin(), notes.end());
  }
  run->model.to(device);
  if (!run->settings.frozen.empty()) located(run->config, [&] { freeze(run->model, run->settings.frozen); });
  auto& warnings = run->settings.warnings;
  warnings.insert(warnings.end(), run->model.warnings.begin(), run->model.warnings.end());
  run->split = located(run->config, [&] { return data::split(run->recordings, run->loader, run->model.lag()); });
  located(run->config, [&] { run->settings.trainer.batches_between_validations(steps_per_epoch(*run)); });
  located(run->config, [&] { check_share(*run); });
  return run;
}

namespace {

// All processes go on from the checkpoint of the first.
void agree_on_checkpoint(const parallel::Processes& processes, const std::optional<Checkpoint>& checkpoint) {
  const std::string own = !checkpoint ? ""
                                      : fmt::format("{}: epoch {}, step {}", checkpoint->file,
                                                    checkpoint->loop.at("state").at("epoch").dump(),
                                                    checkpoint->loop.at("state").at("step").dump());
  const std::string first = processes.from_first(own);
  if (own == first) return;
  throw Error(fmt::format("rank {}", processes.rank()),
              fmt::format("finds '{}' to go on from, where rank 0 has '{}'", own, first),
              "keep the run folder where all processes see it");
}

host::Result train_together(Run& run, const std::string& folder, Start start, std::vector<host::Observer*> observers) {
  const auto& settings = run.settings;
  const auto& processes = *run.processes;
  check_same(run, folder);
  LogFile log(folder + "/train.log");
  if (processes.first()) observers.push_back(&log);
  auto note = [&](const std::string& text) {
    for (auto* observer : observers) observer->note(text);
  };
  for (const auto& warning : run.settings.warnings) note("note: " + warning);
  if (processes.several()) note(fmt::format("{} processes share each batch", processes.size()));
  Task task{run.model, run.recordings, run.split, run.loader, run.settings, folder, nullptr, processes};
  std::optional<KeptFeatures> features;
  if (settings.trainer.shared_core_pass) note(shared_pass(run));
  if (settings.trainer.keep_features != "no" && !settings.frozen.empty()) {
    if (const auto obstacle = KeptFeatures::obstacle(task); obstacle.empty()) {
      task.features = &features.emplace(task);
      note(fmt::format("the core is not trained: its features are computed once, {:.3g} GB {}", features->gigabytes(),
                       features->in_file() ? "in a file of the run's folder" : "in memory"));
    } else if (settings.trainer.keep_features != "auto") {
      note("note: trainer.keep_features: features are computed at every step, since " + obstacle);
    }
  }
  std::optional<TensorBoardLogger> tensorboard;
  if (settings.tensorboard && processes.first()) {
    const std::string config = config::to_yaml(run.config);
    observers.push_back(
        &tensorboard.emplace(*settings.tensorboard, folder, settings.trainer.log_every_n_steps, config, run.model));
  }
  std::optional<WeightPictures> pictures;
  if (settings.pictures && processes.first())
    observers.push_back(&pictures.emplace(*settings.pictures, run.model, observers));
  std::unique_ptr<Profiler> profiler;
  if (const auto params = read_profiler(settings.trainer.profiler); params && processes.first()) {
    observers.push_back((profiler = make_profiler(*params, folder)).get());
  }
  const Deterministic deterministic(settings.trainer.deterministic);
  if (const auto* wanted = run.config.at_path("matmul_precision.precision"); wanted && !run.model.device.is_cpu())
    at::globalContext().setFloat32MatmulPrecision(wanted->string);  // on the CPU it would cost digits and gain nothing
  Trainer trainer(task, observers);
  if (start == Start::resume) {
    std::vector<std::string> skipped;
    const auto checkpoint = newest_checkpoint(trainer.checkpoint_folder(), skipped);
    agree_on_checkpoint(processes, checkpoint);
    for (const auto& damaged : skipped) note("note: passed over a checkpoint: " + damaged);
    if (!checkpoint && std::filesystem::exists(folder + "/metrics.csv")) {
      throw Error(trainer.checkpoint_folder(), "holds no checkpoint that is whole",
                  "start a new run; this one is left as it is");
    }
    if (checkpoint) trainer.restore(*checkpoint);
    note(checkpoint ? fmt::format("resumed from {} (epoch {}, batch {})", checkpoint->file, trainer.state().epoch + 1,
                                  trainer.state().batch)
                    : "no checkpoint yet: starting from the beginning");
  }
  if (processes.first()) {
    for (const auto& change : lock_plugins(run.model, folder, start)) note("note: " + change);
  }
  if (settings.trainer.enable_model_summary) note(run.plan());
  host::Result result;
  result.ending = trainer.fit();
  if (result.ending != Ending::suspended && processes.first()) {
    for (auto* observer : observers) observer->scores_begin();
  }
  if (profiler) note(profiler->finish());
  profiler.reset();
  result.history = trainer.state().history;
  if (result.ending == Ending::suspended) {
    note("stopped; continue with: plexiform train --resume " + folder);
    return result;
  }
  if (!processes.first()) return result;
  const auto best = read_checkpoint(trainer.best_checkpoint());
  run.model.load_state(best.predicting(), best.file);
  const Json& history = best.loop.at("state").at("history");
  result.model = folder + "/model";
  model::write_bundle(result.model, run.model, run.composed, run.config, run.recordings,
                      history.empty() ? Json::object() : history.back());
  const auto scores = evaluation::score_parts(run.model, run.recordings, tested(task), run.loader);
  evaluation::write_report(folder, scores);
  result.scores = evaluation::to_json(scores);
  result.table = evaluation::to_table(scores, "test");
  return result;
}

}  // namespace

host::Result train(Run& run, const std::string& folder, Start start, std::vector<host::Observer*> observers) {
  try {
    return train_together(run, folder, start, std::move(observers));
  } catch (const Error&) {
    run.processes->check();  // what stopped a component may be that another process is gone
    throw;
  }
}

}  // namespace plexiform::training

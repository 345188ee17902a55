#include <config/override.h>
#include <config/shipped.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <library/run_folder.h>
#include <plexiform/host/experiment.h>
#include <plugins/config_sources.h>
#include <training/run.h>

#include <filesystem>
#include <optional>

namespace plexiform::host {

namespace fs = std::filesystem;
using config::Composition;
using config::Node;

struct Experiment::State {
  Composition composition;
  std::optional<config::RunRecord> record;  // none: the config was made by a program
  std::string folder;
  training::Start start = training::Start::fresh;
  std::vector<std::string> overrides;  // of a run that is resumed
  std::shared_ptr<const parallel::Processes> processes = parallel::join();
  std::unique_ptr<training::Run> run;

  // Reads the data and builds the model.
  void make_ready(const config::Resolvers& resolvers, const Plugins& plugins) {
    processes->all_or_none([&] { prepare(resolvers, plugins); });
  }

 private:
  void prepare(config::Resolvers resolvers, const Plugins& plugins) {
    config::set_output_folder(composition, folder);
    resolvers.hydra = composition.hydra;
    auto catalogue = ::plexiform::plugins::Catalogue::discover(
        ::plexiform::plugins::search_order(composition, plugins.files, plugins.folders));
    if (!plugins.locked.empty()) catalogue.lock(::plexiform::plugins::Lock::named(plugins.locked));
    if (start == training::Start::resume && !plugins.accept_change) {
      if (auto lock = ::plexiform::plugins::Lock::of_run(folder)) catalogue.lock(std::move(*lock));
    }
    try {
      run = training::prepare(composition.job, resolvers, catalogue, processes);
    } catch (const Error& e) {
      throw config::with_chain(composition, e);
    }
  }
};

namespace {

// Texts with ${...} are interpolations, as in a YAML file.
void mark_interpolations(Node& node) {
  if (node.kind == config::Kind::string && node.string.find("${") != std::string::npos) {
    node.kind = config::Kind::interpolation;
  }
  for (auto& item : node.items) mark_interpolations(item);
  for (auto& [key, value] : node.entries) mark_interpolations(value);
}

Composition from_values(const Json& values) {
  if (!values.is_object()) throw Error("config", "is no mapping of sections", R"(write {{"model", {...}}, ...})");
  Composition composition{config::from_json(values), Node::map(), {}, {}, {}};
  mark_interpolations(composition.job);
  composition.hydra["runtime"] = Node::map();
  return composition;
}

config::Request request_of(const Source& source) {
  config::Request request{source.search_path, source.config, source.overrides};
  if (const fs::path file(source.config); file.extension() == ".yaml") {
    if (!fs::exists(file))
      throw Error(source.config, "no such file", "name a config file, or a config without '.yaml'");
    request.search_path.insert(request.search_path.begin(), file.has_parent_path() ? file.parent_path() : ".");
    request.name = file.stem();
  }
  const std::string shipped = config::shipped_configs();
  if (request.search_path.empty() || request.search_path.back() != shipped) request.search_path.push_back(shipped);
  return request;
}

// As Hydra does: a job of a sweep says MULTIRUN.
Composition composed(config::Request request) {
  config::add_unless_given(request.overrides, "hydra.mode=RUN");
  return config::compose(request);
}

std::string empty_folder(const std::string& name) {
  const fs::path folder = fs::absolute(name).lexically_normal();
  if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
    throw Error(name, "is there already", "name a new folder, or resume the run in it");
  }
  files::check_place(folder.string());
  return folder.string();
}

}  // namespace

Experiment::Experiment(const Source& source) : state_(std::make_unique<State>()) {
  config::Resolvers resolvers;
  const auto& processes = *state_->processes;
  resolvers.now = std::stoll(processes.from_first(std::to_string(resolvers.now)));
  const config::Request request = request_of(source);
  processes.all_or_none([&] {
    state_->composition = composed(request);
    state_->record = config::record(request, source.plugins.files, source.plugins.folders);
    if (!processes.first()) return;
    state_->folder =
        source.folder.empty() ? new_run_folder(state_->composition, resolvers.now) : empty_folder(source.folder);
  });
  state_->folder = processes.from_first(state_->folder);
  state_->make_ready(resolvers, source.plugins);
}

Experiment::Experiment(const Json& config, const std::string& folder, const Plugins& plugins)
    : state_(std::make_unique<State>()) {
  state_->composition = from_values(config);
  const auto& processes = *state_->processes;
  processes.all_or_none([&] { state_->folder = processes.first() ? empty_folder(folder) : ""; });
  state_->folder = processes.from_first(state_->folder);
  state_->make_ready({}, plugins);
}

Experiment Experiment::resume(const std::string& folder, const Plugins& plugins,
                              const std::vector<std::string>& overrides) {
  auto state = std::make_unique<State>();
  state->processes->all_or_none([&] {
    state->composition = recorded_config(folder, overrides);
    state->folder = fs::canonical(folder);
  });
  state->start = training::Start::resume;
  state->overrides = overrides;
  state->make_ready({}, plugins);
  return Experiment(std::move(state));
}

Experiment::Experiment(std::unique_ptr<State> state) : state_(std::move(state)) {}
Experiment::Experiment(Experiment&&) noexcept = default;
Experiment::~Experiment() = default;

std::string Experiment::plan() const { return state_->run->plan(); }
std::vector<std::string> Experiment::notes() const { return state_->run->settings.warnings; }
const std::string& Experiment::folder() const { return state_->folder; }
Json Experiment::config() const { return config::to_json(state_->run->config); }

Result Experiment::train(Observer& observer) {
  const auto& processes = *state_->processes;
  processes.all_or_none([&] {
    if (!processes.first()) return;
    if (state_->start == training::Start::fresh) {
      make_run_folder(state_->folder, state_->composition, state_->record);
    } else {
      remove_leftovers_of_run(state_->folder);
      if (!state_->overrides.empty()) record_overrides(state_->folder, state_->composition, state_->overrides);
    }
  });
  return training::train(*state_->run, state_->folder, state_->start, {&observer});
}

Result Experiment::train() {
  Observer nobody;
  return train(nobody);
}

}  // namespace plexiform::host

#include <cli/search.h>
#include <config/knobs.h>
#include <config/python.h>
#include <config/resolve.h>
#include <config/sweep.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>

namespace plexiform::cli {
namespace {

using config::Kind;
using config::Node;

constexpr const char* tpe = "optuna.samplers.TPESampler";
constexpr const char* random_sampler = "optuna.samplers.RandomSampler";

std::string target(const Node& node) {
  const Node* name = node.find("_target_");
  return name ? name->string : "";
}

// Fills in what follows from sweeper and arguments.
Search completed(Search search) {
  const Node& sweeper = search.sweeper;
  search.settings = config::read_knobs<SweeperParams>(sweeper, "hydra.sweeper");
  if (const Node* sampler = sweeper.find("sampler"); sampler && !sampler->is_null()) {
    const std::string name = target(*sampler);
    if (name != tpe && name != random_sampler) {
      throw Error(config::where(*sampler, "hydra.sweeper.sampler"), "'" + name + "' is not known here",
                  did_you_mean(name, {tpe, random_sampler}));
    }
    search.random = name == random_sampler;
    search.sampler = config::read_knobs<TpeParams>(*sampler, "hydra.sweeper.sampler");
  }
  for (const auto& argument : search.arguments) search.space.push_back(config::dimension(argument));
  return search;
}

// A text of the config of all trials; `otherwise` when it says nothing.
std::string text_at(const config::Composition& sweep, const std::string& path, const std::string& otherwise) {
  const Node* node = sweep.job.at_path(path);
  if (!node || node->is_null()) return otherwise;
  const Node name = config::resolve_at(sweep.job, path, {sweep.hydra});
  if (name.kind == Kind::string) return name.string;
  throw Error(config::where(name, path), "is no text", "write a name, such as val_loss");
}

// objective_target, else the metric that decides which epoch is best. It cannot be made small where large is best.
std::string objective(const config::Composition& sweep, const std::string& direction) {
  const std::string callback = "training_callbacks.model_checkpoint.";  // its defaults: training/model_checkpoint.h
  const std::string monitor = text_at(sweep, callback + "monitor", "val_correlation"),
                    mode = text_at(sweep, callback + "mode", "max"),
                    target = text_at(sweep, "objective_target", monitor);
  if (target == monitor && direction.substr(0, 3) != mode) {
    throw Error("hydra.sweeper.direction",
                "is " + direction + ", but " + callback + "mode, of the same " + target + ", is " + mode,
                "make them agree, such as hydra.sweeper.direction=" + mode + "imize");
  }
  return target;
}

}  // namespace

double Search::value(const std::string& run_folder) const {
  const std::string file = run_folder + "/model/model.json";
  std::ifstream stream(file);
  const Json model = stream ? Json::parse(stream, nullptr, false) : Json();
  const Json metrics = model.is_object() ? model.value("metrics", Json()) : Json();
  if (!metrics.is_object())
    throw Error(file, "says nothing of the run's metrics", "remove the run's folder, and resume");
  if (!metrics.contains(objective) || !metrics.at(objective).is_number()) {
    std::vector<std::string> names;
    for (const auto& [name, number] : metrics.items()) names.push_back(name);
    throw Error(file, "no metric is called '" + objective + "'", did_you_mean(objective, names));
  }
  return metrics.at(objective);
}

std::vector<std::string> Search::searched(const std::vector<std::string>& overrides) const {
  std::vector<std::string> some;
  for (size_t i = 0; i < std::min(space.size(), overrides.size()); ++i) {
    if (space[i].kind != config::Dimension::Kind::fixed) some.push_back(overrides[i]);
  }
  return some;
}

std::vector<std::string> Search::next(const Earlier& trials) const {
  std::vector<Trial> before;
  for (const auto& [overrides, value] : trials) {
    Trial trial;
    for (size_t i = 0; i < space.size(); ++i) {
      const bool fixed = space[i].kind == config::Dimension::Kind::fixed;
      trial.values.push_back(fixed ? 0 : space[i].value(i < overrides.size() ? overrides[i] : ""));
    }
    const double sign = settings.direction == "minimize" ? 1 : -1;
    trial.loss = value && std::isfinite(*value) ? sign * *value : std::numeric_limits<double>::infinity();
    before.push_back(std::move(trial));
  }
  std::seed_seq both{static_cast<uint64_t>(*sampler.seed), static_cast<uint64_t>(trials.size())};
  std::array<uint32_t, 2> words;
  both.generate(words.begin(), words.end());
  const uint64_t seed = uint64_t{words[0]} << 32 | words[1];
  const auto values = random ? draw(space, seed) : suggest(space, before, sampler, seed);
  std::vector<std::string> overrides;
  for (size_t i = 0; i < space.size(); ++i) overrides.push_back(space[i].argument(values[i]));
  return overrides;
}

std::optional<Search> plan_search(const config::Request& request, const config::Composition& sweep) {
  const Node* name = sweep.hydra.at_path("sweeper._target_");
  if (!name || name->string.find("Optuna") == std::string::npos) return std::nullopt;
  Search search;
  search.sweeper = config::resolve_hydra(sweep.job, "sweeper", {sweep.hydra});
  if (const Node* direction = search.sweeper.find("direction"); direction && direction->is_list()) {
    throw Error(config::where(*direction, "hydra.sweeper.direction"), "asks for several objectives",
                "name one, minimize or maximize, and its metric as objective_target");
  }
  search.arguments = config::search_arguments(request);
  search = completed(std::move(search));
  search.objective = objective(sweep, search.settings.direction);
  const auto varies = [](const config::Dimension& one) { return one.kind != config::Dimension::Kind::fixed; };
  if (std::none_of(search.space.begin(), search.space.end(), varies)) {
    throw Error(config::where(*name, "hydra.sweeper"), "has nothing to search",
                "give a key a space: 'model.learning_rate=tag(log,interval(1e-4,1e-1))'");
  }
  if (!search.sampler.seed) {
    search.sampler.seed = static_cast<int64_t>(std::random_device{}());
    search.sweeper["sampler"]["seed"] = Node::number(*search.sampler.seed);
  }
  return search;
}

Node to_node(const Search& search) {
  Node node = Node::map(), space = Node::list();
  for (const auto& argument : search.arguments) space.items.push_back(Node::text(argument));
  node["objective"] = Node::text(search.objective);
  node["space"] = std::move(space);
  node["sweeper"] = search.sweeper;
  return node;
}

Search search_from(const Node& node, const std::string& file) {
  const Node *objective = node.find("objective"), *space = node.find("space"), *sweeper = node.find("sweeper");
  if (!objective || !space || !space->is_list() || !sweeper || !sweeper->is_map()) {
    throw Error(file, "describes no search", "restore the file");
  }
  Search search;
  search.objective = objective->string;
  search.sweeper = *sweeper;
  for (const auto& item : space->items) search.arguments.push_back(item.string);
  search = completed(std::move(search));
  if (!search.sampler.seed) throw Error(file, "has no seed of the search", "restore the file");
  return search;
}

}  // namespace plexiform::cli

#include <cli/sweep_folder.h>
#include <cli/train_words.h>
#include <config/override.h>
#include <config/sweep.h>
#include <files/atomic_file.h>
#include <files/unused_name.h>
#include <fmt/format.h>

#include <filesystem>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using config::Kind;
using config::Node;

std::string absolute(const std::string& path) { return fs::absolute(path).lexically_normal().string(); }

}  // namespace

config::RunRecord Sweep::request_of(const SweepJob& job) const {
  config::RunRecord asked = request;
  auto& overrides = asked.overrides;
  overrides.insert(overrides.begin(), job.overrides.begin(), job.overrides.end());
  overrides.push_back("hydra.sweep.dir=" + config::quoted_value(folder));
  overrides.push_back(fmt::format("hydra.job.num={}", job.number));
  overrides.push_back(fmt::format("hydra.job.id='{}'", job.number));
  return asked;
}

std::string Sweep::run_folder(const SweepJob& job) const {
  const auto composition = config::compose(request_of(job).request());
  const Node below = config::resolve_hydra(composition.job, "sweep.subdir", {composition.hydra});
  const std::string name = below.kind == Kind::integer ? std::to_string(below.integer) : below.string;
  if (name.empty()) throw Error(config::where(below, "hydra.sweep.subdir"), "is no folder", "write ${hydra.job.num}");
  return (fs::path(folder) / name).lexically_normal().string();
}

Sweep::State Sweep::state(const std::string& run_folder) {
  if (fs::exists(run_folder + "/scores.json")) return State::done;  // the last thing that a run writes
  return fs::exists(run_folder + "/.hydra/config.yaml") ? State::begun : State::fresh;
}

std::vector<std::string> Sweep::words(const SweepJob& job, const std::string& run_folder, State state) const {
  config::RunRecord asked = request_of(job);
  asked.overrides.push_back("hydra.run.dir=" + config::quoted_value(run_folder));
  if (state != State::begun) return train_words(asked);
  std::vector<std::string> words = {"train", "--resume", run_folder};
  for (const auto& file : asked.plugin_files) words.insert(words.end(), {"--plugin", file});
  for (const auto& folder : asked.plugin_paths) words.insert(words.end(), {"--plugin-path", folder});
  return words;
}

Sweep plan_sweep(const CommandLine& line) {
  const auto composition = config::compose_sweep(line.request);
  const Node place = config::resolve_hydra(composition.job, "sweep.dir", {composition.hydra});
  if (place.kind != Kind::string || place.string.empty()) {
    throw Error(config::where(place, "hydra.sweep.dir"), "is no folder", "give it the path of a folder");
  }
  Sweep sweep;
  sweep.folder = files::unused_name(absolute(place.string));
  sweep.request = config::record(line.request, line.plugin_files, line.plugin_paths);
  sweep.request.overrides.clear();
  for (const auto& override : composition.hydra.at_path("overrides.hydra")->items) {
    sweep.request.overrides.push_back(override.string);  // hydra.mode=MULTIRUN among them
  }
  sweep.search = plan_search(line.request, composition);
  if (sweep.search) return sweep;
  for (auto& overrides : config::sweep_jobs(line.request)) sweep.add(std::move(overrides));
  return sweep;
}

void write_sweep(const Sweep& sweep, const CommandLine& line) {
  fs::create_directories(sweep.folder);
  Node hydra = Node::map();
  hydra["hydra"] = config::compose_sweep(line.request).hydra;
  files::write_atomically(sweep.folder + "/multirun.yaml", config::to_yaml(hydra));
  sweep.write_jobs();
}

const SweepJob& Sweep::add(std::vector<std::string> overrides) {
  return jobs.emplace_back(SweepJob{static_cast<int>(jobs.size()), std::move(overrides)});
}

void Sweep::write_jobs() const {
  Node record = Node::map(), list = Node::list();
  for (const auto& job : jobs) {
    list.items.push_back(Node::list());
    for (const auto& override : job.overrides) list.items.back().items.push_back(Node::text(override));
  }
  record["request"] = config::to_node(request);
  record["jobs"] = std::move(list);
  if (search) record["search"] = to_node(*search);
  files::write_atomically(folder + "/jobs.yaml", config::to_yaml(record));
}

Sweep read_sweep(const std::string& folder) {
  const std::string file = folder + "/jobs.yaml";
  if (!fs::exists(file)) {
    throw Error(folder, "is no folder of a sweep: it has no jobs.yaml",
                "name the folder that train -m printed; a single run is resumed without -m");
  }
  const Node root = config::read_yaml(file);
  const Node *request = root.find("request"), *jobs = root.find("jobs");
  if (!request || !jobs || !jobs->is_list()) throw Error(file, "has no jobs", "restore the file");
  Sweep sweep;
  sweep.folder = absolute(folder);
  sweep.request = config::record_from(*request, file);
  for (const auto& job : jobs->items) {
    std::vector<std::string> overrides;
    for (const auto& override : job.items) overrides.push_back(override.string);
    sweep.add(std::move(overrides));
  }
  if (const Node* search = root.find("search")) sweep.search = search_from(*search, file);
  return sweep;
}

}  // namespace plexiform::cli

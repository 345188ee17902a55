#include <config/override.h>
#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <files/unused_name.h>
#include <library/run_folder.h>

#include <filesystem>

namespace plexiform::host {

namespace fs = std::filesystem;
using config::Node;

std::string new_run_folder(const config::Composition& composition, std::time_t now) {
  const std::string first = config::run_folder(composition, now);
  if (fs::exists(first) && !fs::is_directory(first)) throw Error(first, "is a file", "choose another hydra.run.dir");
  const std::string folder = files::unused_name(first);
  files::check_place(folder);
  return folder;
}

void make_run_folder(const std::string& folder, const config::Composition& composition,
                     const std::optional<config::RunRecord>& record) {
  Node hydra = Node::map();
  hydra["hydra"] = composition.hydra;
  const Node* overrides = composition.hydra.at_path("overrides.task");
  fs::create_directories(folder + "/.hydra");
  const auto write = [&](const char* name, const Node& node) {
    files::write_atomically(folder + "/.hydra/" + name, config::to_yaml(node));
  };
  try {
    if (record) write("command.yaml", config::to_node(*record));
    write("overrides.yaml", overrides ? *overrides : Node::list());
    write("hydra.yaml", hydra);
    write("config.yaml", composition.job);  // the last one: a folder with it is whole
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove_all(folder + "/.hydra", ignored);
    fs::remove(folder, ignored);  // when it is empty
    throw;
  }
}

void record_overrides(const std::string& folder, const config::Composition& composition,
                      const std::vector<std::string>& overrides) {
  const std::string records = folder + "/.hydra/";
  if (fs::exists(records + "command.yaml")) {
    auto record = config::read_record(folder);
    record.overrides.insert(record.overrides.end(), overrides.begin(), overrides.end());
    files::write_atomically(records + "command.yaml", config::to_yaml(config::to_node(record)));
  }
  Node all = fs::exists(records + "overrides.yaml") ? config::read_yaml(records + "overrides.yaml") : Node::list();
  for (const auto& one : overrides) all.items.push_back(config::from_json(one));
  files::write_atomically(records + "overrides.yaml", config::to_yaml(all));
  files::write_atomically(records + "config.yaml", config::to_yaml(composition.job));
}

void remove_leftovers_of_run(const std::string& folder) {
  for (const char* room : {"", "/checkpoints", "/model", "/.hydra"}) {
    if (fs::is_directory(folder + room)) files::remove_leftovers(folder + room);
  }
}

config::Composition recorded_config(const std::string& folder, const std::vector<std::string>& overrides) {
  if (!fs::exists(folder + "/.hydra/config.yaml")) {
    throw Error(folder, "is no run folder: it has no .hydra/config.yaml",
                "name the folder that training printed as its run folder");
  }
  config::Request request{{folder + "/.hydra"}, "config", overrides};
  const std::string file = folder + "/.hydra/hydra.yaml";
  const Node own = fs::exists(file) ? config::read_yaml(file) : Node();
  if (const Node* list = own.at_path("hydra.overrides.hydra")) {
    for (const auto& item : list->items) config::add_unless_given(request.overrides, item.string);
  }
  return config::compose(request);
}

}  // namespace plexiform::host

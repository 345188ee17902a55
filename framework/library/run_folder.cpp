#include <files/atomic_file.h>
#include <fmt/format.h>
#include <library/run_folder.h>

#include <filesystem>

namespace plexiform::host {

namespace fs = std::filesystem;
using config::Node;

std::string new_run_folder(const config::Composition& composition, std::time_t now) {
  const std::string first = config::run_folder(composition, now);
  std::string folder = first;
  if (fs::exists(first) && !fs::is_directory(first)) throw Error(first, "is a file", "choose another hydra.run.dir");
  for (int i = 2; fs::exists(folder); ++i) folder = fmt::format("{}-{}", first, i);
  return folder;
}

void make_run_folder(const std::string& folder, const config::Composition& composition,
                     const std::vector<std::string>& overrides) {
  Node list = Node::list(), hydra = Node::map();
  for (const auto& text : overrides) list.items.push_back(Node::text(text));
  hydra["hydra"] = composition.hydra;
  fs::create_directories(folder + "/.hydra");
  try {
    files::write_atomically(folder + "/.hydra/overrides.yaml", config::to_yaml(list));
    files::write_atomically(folder + "/.hydra/hydra.yaml", config::to_yaml(hydra));
    files::write_atomically(folder + "/.hydra/config.yaml", config::to_yaml(composition.job));
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove_all(folder + "/.hydra", ignored);
    fs::remove(folder, ignored);  // when it is empty
    throw;
  }
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
  return config::compose({{folder + "/.hydra"}, "config", overrides});
}

}  // namespace plexiform::host

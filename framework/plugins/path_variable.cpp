#include <plugins/path_variable.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace plexiform::plugins {

namespace fs = std::filesystem;

PathVariable path_variable() {
  constexpr const char* name = "PLEXIFORM_PLUGIN_PATH";
  const char* value = std::getenv(name);
  std::istringstream list(value ? value : "");
  PathVariable found;
  for (std::string folder; std::getline(list, folder, ':');) {
    std::error_code failed;
    if (folder.empty()) continue;
    if (!fs::path(folder).is_absolute()) {
      found.useless.emplace_back(name, folder + " is passed over: it is no absolute path",
                                 "write " + fs::absolute(folder).string());
      continue;
    }
    found.folders.push_back(folder);
    if (fs::is_directory(folder, failed)) continue;
    found.useless.emplace_back(name, folder + (fs::exists(folder, failed) ? " is no folder" : " is not there"),
                               "make that folder, or take it out of the variable");
  }
  return found;
}

}  // namespace plexiform::plugins

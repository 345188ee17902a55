#include <files/prefix.h>
#include <plexiform/abi.h>
#include <plexiform/error.h>
#include <plugins/path_variable.h>
#include <plugins/sources.h>

#include <cstdlib>
#include <filesystem>

namespace plexiform::plugins {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// With the ABI major in its name: after an upgrade no plugin of the older one is in the way.
std::string plugins_folder() { return "plexiform/plugins-abi" + std::to_string(PLEXIFORM_ABI_MAJOR); }

}  // namespace

std::string Sources::user_folder() {
  fs::path data = environment("XDG_DATA_HOME");
  if (!data.is_absolute()) {
    const fs::path home = environment("HOME");
    if (!home.is_absolute()) return "";
    data = home / ".local/share";
  }
  return (data / plugins_folder()).string();
}

std::string Sources::installed_folder() { return (files::prefix() / "lib" / plugins_folder()).string(); }

Sources search_order(std::vector<std::string> files, std::vector<std::string> folders) {
  for (const auto& file : files) {
    if (file.empty()) throw Error("--plugin", "names no file", "write --plugin build/my_core.plexiform.so");
  }
  for (const auto& folder : folders) {
    if (fs::is_directory(folder)) continue;
    throw Error(folder.empty() ? "--plugin-path" : folder, folder.empty() ? "names no folder" : "is no folder",
                "name the folder that holds the plugins");
  }
  Sources sources{std::move(files), std::move(folders)};
  for (const auto& folder : path_variable().folders) sources.folders.push_back(folder);
  if (const auto user = Sources::user_folder(); !user.empty()) sources.folders.push_back(user);
  sources.folders.push_back(Sources::installed_folder());
  return sources;
}

std::string command_file() {
  const fs::path file = files::prefix() / "bin/plexiform";
  if (fs::is_regular_file(file)) return file.string();
  throw Error(file.string(), "is not there; new plugins are opened in it first",
              "keep bin/plexiform and lib/libplexiform.so in one folder");
}

std::string host_library() {
  const fs::path file = files::prefix() / "lib/libplexiform.so";
  if (!fs::exists(file)) {
    throw Error(file.string(), "is not there", "keep bin/plexiform and lib/libplexiform.so in one folder");
  }
  return file.string();
}

}  // namespace plexiform::plugins

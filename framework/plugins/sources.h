// Where plugins are looked for. The working directory is never searched: whoever can write there would run code.
#pragma once

#include <string>
#include <vector>

namespace plexiform::plugins {

struct Sources {
  std::vector<std::string> files;  // named one by one, whatever they are called; they come before the folders
  std::vector<std::string>
      folders;  // one level is searched for *.plexiform.so, by name; one that is not there is skipped

  // What installing a plugin for this user means; "" when the environment knows no home.
  //   $XDG_DATA_HOME/plexiform/plugins-abi1, or ~/.local/share/...
  static std::string user_folder();
  // What comes with the host: lib/plexiform/plugins-abi1 of its prefix (files/prefix.h).
  static std::string installed_folder();
};

// The search order: `files` (--plugin, then the config's `plugins:`), `folders` (--plugin-path), the folders of
// PLEXIFORM_PLUGIN_PATH (separated by ':'; only absolute ones), the user's folder, the installed folder.
// Throws Error for a folder of `folders` that is none.
Sources search_order(std::vector<std::string> files = {}, std::vector<std::string> folders = {});

// bin/plexiform of the running host's prefix. Throws Error when it is not there.
std::string command_file();

// lib/libplexiform.so of it. Throws Error when it is not there.
std::string host_library();

}  // namespace plexiform::plugins

// A place to run the command in: folders of its own for cache, user's plugins and output.
#pragma once

#include "command.h"
#include "environment.h"
#include "folder.h"

struct Desk {
  Folder folder;
  Environment cache{"XDG_CACHE_HOME", folder / "cache"};
  Environment data{"XDG_DATA_HOME", folder / "data"};
  Environment path{"PLEXIFORM_PLUGIN_PATH", ""};

  Desk() { std::filesystem::create_directory(folder / "plugins"); }
  Ran run(const std::vector<std::string>& arguments, const Limits& limits = {}) const {
    return ::run(arguments, folder / "output", limits);
  }
  Ran plugins(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "plugins");
    return run(arguments);
  }
  // A fixture's copy in the folder `plugins`.
  std::string add(const std::string& name) const {
    std::filesystem::copy(FIXTURE_DIR "/fixture_" + name + ".plexiform.so",
                          folder / "plugins/" + name + ".plexiform.so");
    return folder / "plugins/" + name + ".plexiform.so";
  }
};

// PLEXIFORM_PLUGIN_PATH: folders of plugins, separated by ':'.
#pragma once

#include <plexiform/error.h>

#include <string>
#include <vector>

namespace plexiform::plugins {

struct PathVariable {
  std::vector<std::string> folders;  // the absolute ones
  std::vector<Error> useless;        // what is passed over or holds nothing: relative, not there, no folder
};
PathVariable path_variable();

}  // namespace plexiform::plugins

// A Request whose arguments are read and whose folders are opened: what composing, sweeps and --info begin with.
#pragma once

#include <config/compose.h>
#include <config/override.h>
#include <config/repository.h>

namespace plexiform::config {

struct OpenedRequest {
  std::vector<Override> overrides;
  Repository repository;  // with the folders of hydra.searchpath
  std::string name;       // of the primary config, without ".yaml"
};

// Throws Error for an argument that is none, a folder that is not there, a primary config that is no YAML.
OpenedRequest open(const Request& request);

}  // namespace plexiform::config

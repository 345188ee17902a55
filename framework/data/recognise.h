// What a file or folder is, by what is in it: which layout of recordings, and the config that reads it.
#pragma once

#include <string>
#include <vector>

namespace plexiform::data {

struct Recognised {
  std::string what;    // for people: "the layout of Goldin et al. 2022: an HDF5 file per session"
  std::string layout;  // plexiform.data.X; "": recordings that cannot be read like this, or none
  // The config of configs/ whose data_io reads it, and the overrides that lead it there.
  std::string config;
  std::vector<std::string> overrides;
  std::string fix;  // without a layout: what to do instead
};

// Throws Error(path, ...) where there is nothing, or what is there cannot be opened.
Recognised recognise(const std::string& path);

// "key=value", quoted where the grammar of overrides needs it.
std::string override_of(const std::string& key, const std::string& value);

}  // namespace plexiform::data

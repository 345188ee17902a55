// What --info shows of a composition before anything is merged, as Hydra lays it out.
#pragma once

#include <config/compose.h>

namespace plexiform::config {

// One line per config in the order of merging: path, package, whether it is a _self_, parent.
std::string defaults_table(const Request& request);

// Who brings in whom, indented.
std::string defaults_tree(const Request& request);

// Where configs are looked for, in order.
std::string search_path_table(const Request& request);

// The config folders' groups with their options (of more than a thousand folders not all), and the configs at the top, for
// --help and completion.
struct Group {
  std::string name;                  // "model", "data/split"
  std::vector<std::string> options;  // sorted
};
std::vector<Group> groups(const std::vector<std::string>& search_path);
std::vector<std::string> primary_configs(const std::vector<std::string>& search_path);

}  // namespace plexiform::config

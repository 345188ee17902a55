// What completion offers from the plugins' notes and the cache; nothing is loaded.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// The `_target_` names of a kind: "core", "readout", "loss".
std::vector<std::string> component_names(const std::string& kind);

// The hyperparameters of a component; none when its plugin is not there or was not opened yet.
std::vector<std::string> component_knobs(const std::string& target);

}  // namespace plexiform::cli

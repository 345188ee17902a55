// What comes with the host: the configs folder, and what a config that is silent about something gets.
#pragma once

#include <config/node.h>

#include <string>

namespace plexiform::config {

// share/plexiform/configs of the running host (files/prefix.h).
std::string shipped_configs();

// A config that names no optimizer (lr_scheduler), but whose model points at one, as a published one does: gets the group's
// adamw (reduce_lr_on_plateau). `job` is unresolved: the interpolation would lead nowhere.
// Returns what was filled in, a sentence each.
std::vector<std::string> fill_dangling(Node& job);

// Fills in what `job` (resolved) does not say from shipped_configs()/defaults.yaml: where the config has nothing or null, the
// node there is taken; a component (a node with a `_target_`) is taken whole or not at all.
// Returns what was filled in, a sentence each.
std::vector<std::string> fill_defaults(Node& job);

}  // namespace plexiform::config

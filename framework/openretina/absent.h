// Names of openretina's that a config might give as a part of a model, and that are none here.
#pragma once

#include <config/node.h>

#include <string>

namespace plexiform::openretina {

// Throws Error(place in the config, why, what to use instead) for a `_target_` that is such a name.
//   path  of it: "model.core._target_"
void refuse_absent(const config::Node& target, const std::string& path);

}  // namespace plexiform::openretina

// Applies an argument of the command line that sets, adds or removes a value of the config.
#pragma once

#include <config/override.h>

namespace plexiform::config {

// key=value needs the key to exist, +key=value needs it not to (unless the value is a list or
// mapping, which is merged), ++key=value does either, ~key removes. Throws Error with the
// argument's number.
void apply_override(Node& config, const Override& override);

// The keys of a dotted path; none for "".
std::vector<std::string> path_steps(const std::string& path);

}  // namespace plexiform::config

// `plexiform reproduce RUN`: the command that made a run, and whether it would give the same config today.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// Prints the command on standard output, and on standard error what has changed since: config values by dotted path,
// the version, files and folders that are gone. Returns 0, or 1 when the config would be another. Throws Usage and
// Error.
int reproduce_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

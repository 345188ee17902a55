// `plexiform plugins list | inspect NAME|FILE`: answered from the files' notes and the cache, without LibTorch.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// What follows "plugins" on the command line. Returns the exit status: 0, or 1 when the inspected file is refused or
// blocked. Throws Usage, and Error for a component that is not there.
int plugins_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

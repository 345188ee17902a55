// `plexiform plugins list | inspect NAME|FILE`: answered from the files' notes and the cache, without LibTorch.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// What follows "plugins" on the command line. Returns the exit status: 0; 1 when the inspected file is refused or blocked;
// 2 for arguments that are wrong. Throws Error for a component that is not there.
int plugins_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

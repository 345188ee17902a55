// `plexiform plugins list | inspect | new | check | doctor`. The first two are answered from the files' notes and the cache,
// without LibTorch in this process.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// What follows "plugins" on the command line. Returns the exit status: 0, or 1 when the inspected file is refused or
// blocked, a check fails, or plugins cannot be used at all (doctor). Throws Usage, and Error for a component that is not there.
int plugins_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

// `plexiform plugins new core|readout|loss NAME`: writes a small plugin project. Loads no LibTorch.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// What follows "plugins new". Returns 0, or throws Usage for words that are no command, Error for a name or a folder that
// will not do; then nothing is written.
int plugins_new_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

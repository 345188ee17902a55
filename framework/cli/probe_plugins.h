// `plexiform --probe-plugins FILE...`: not for people. The host starts it to open new plugins where a crash does no harm.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

int probe_plugins_command(const std::vector<std::string>& files);

}  // namespace plexiform::cli

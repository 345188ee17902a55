// The config files that Hydra brings along itself (run folder, sweep folder, logging, ...), as text
// by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plexiform::config {

struct HydraFile {
  std::string_view name;  // "hydra/output/default"
  std::string_view text;
};

const std::vector<HydraFile>& hydra_files();

// Whether `path` ("hydra.run") is a section whose keys Hydra fixes; others may get any key.
bool hydra_fixes_keys(std::string_view path);

}  // namespace plexiform::config

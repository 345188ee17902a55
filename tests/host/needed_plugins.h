// Any plugin's folder may be removed from the tree; a test that needs one is then skipped.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <vector>

inline void need_plugins(const std::vector<std::string>& names) {
  for (const auto& plugin : names) {
    if (!std::filesystem::exists(std::string(PLUGIN_DIR) + "/" + plugin + ".plexiform.so")) {
      SKIP("needs the plugin '" << plugin << "', which was removed from this tree");
    }
  }
}

// Those that the quickstart's config names.
inline void need_quickstart_plugins() { need_plugins({"simple", "gaussian_mask", "poisson", "correlation"}); }

// The quickstart's config names plugins, and any plugin's folder may be removed from the tree.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>

inline void need_quickstart_plugins() {
  for (const char* plugin : {"simple", "gaussian_mask", "poisson", "correlation"}) {
    if (!std::filesystem::exists(std::string(PLUGIN_DIR) + "/" + plugin + ".plexiform.so")) {
      SKIP("the quickstart's config needs the plugin '" << plugin << "', which was removed from this tree");
    }
  }
}

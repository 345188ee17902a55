#include <ATen/core/dispatch/Dispatcher.h>
#include <plexiform/error.h>
#include <plugins/host/side_effects.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace plexiform::plugins {

size_t operator_count() { return c10::Dispatcher::singleton().getAllOpNames().size(); }

void check_no_operators(const std::string& file, size_t before) {
  if (operator_count() == before) return;
  throw Error(file, "registers operators with LibTorch (TORCH_LIBRARY), which aborts the process when two plugins do",
              "call the functions directly, or use torch::autograd::Function");
}

void check_no_copies(const std::string& file) {
  std::map<std::string, std::set<std::string>> copies;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find('/');
    if (path == std::string::npos) continue;
    const std::string name = std::filesystem::path(line.substr(path)).filename();
    for (const char* library : {"libtorch_cpu", "libc10", "libstdc++", "libgomp"}) {
      if (name.starts_with(std::string(library) + ".so") || name.starts_with(std::string(library) + "-")) {
        copies[library].insert(line.substr(path));
      }
    }
  }
  for (const auto& [library, paths] : copies) {
    if (paths.size() < 2) continue;
    std::string all;
    for (const auto& path : paths) all += (all.empty() ? "" : " and ") + path;
    throw Error(file, "brings a second " + library + " into the process: " + all,
                "link the host's; ship no copy with the plugin");
  }
}

}  // namespace plexiform::plugins

// `plexiform plugins check FILE|NAME`: the conformance kit on a plugin, each check in a child process.
#pragma once

#include <plugins/sources.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace plexiform::cli {

// What the command line says; the defaults stand here.
struct CheckOptions {
  std::string component;         // --component
  std::vector<std::string> set;  // --set key=value
  std::string knobs = "{}";      // --knobs, YAML
  std::string input;             // --stimulus C,T,H,W
  std::string compat;            // --compat
  uint64_t seed = 7;             // --seed
  double limit = 20;             // --time-limit, s
  bool json = false;
};

void add_check_options(CLI::App& command, CheckOptions& options);

// Prints the report. Returns 0, or 1 when the file is refused or a check fails. Throws Usage for options that make no sense,
// Error for a component that is not there.
//   what     a plugin's file (with a '/', or ending in .so), or a component's name
//   sources  is asked where a name is looked for
int check_plugin_command(const std::string& what, const CheckOptions& options,
                         const std::function<plugins::Sources()>& sources);

}  // namespace plexiform::cli

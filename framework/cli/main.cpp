#include <cli/probe_plugins.h>
#include <plexiform/error.h>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (!arguments.empty() && arguments[0] == "--probe-plugins") {
      return plexiform::cli::probe_plugins_command({arguments.begin() + 1, arguments.end()});
    }
  } catch (const plexiform::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}

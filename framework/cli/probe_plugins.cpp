#include <cli/probe_plugins.h>
#include <plugins/host_library.h>

namespace plexiform::cli {

int probe_plugins_command(const std::vector<std::string>& files) {
  std::vector<const char*> names;
  for (const auto& file : files) names.push_back(file.c_str());
  const auto run =
      reinterpret_cast<int (*)(int, const char* const*)>(plugins::open_host_function("plexiform_probe_plugins"));
  return run(static_cast<int>(names.size()), names.data());
}

}  // namespace plexiform::cli

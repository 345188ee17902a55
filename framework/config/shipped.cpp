#include <config/compose.h>
#include <config/shipped.h>
#include <dlfcn.h>

#include <filesystem>

namespace plexiform::config {
namespace {

void fill(Node& node, const Node& defaults) {
  if (node.is_null() || defaults.find("_target_")) {
    if (node.is_null()) node = defaults;
    return;
  }
  if (node.kind != Kind::map) return;
  for (const auto& [key, value] : defaults.entries) fill(node[key], value);
}

}  // namespace

std::string shipped_configs() {
  // Linked into the executable and into libplexiform.so, which another program may have opened.
  Dl_info info;
  std::filesystem::path binary = "/proc/self/exe";
  if (dladdr(reinterpret_cast<void*>(&shipped_configs), &info) && std::string_view(info.dli_fname).ends_with(".so")) {
    binary = info.dli_fname;
  }
  return std::filesystem::canonical(binary).parent_path().parent_path() / "share" / "plexiform" / "configs";
}

void fill_defaults(Node& job) {
  const std::string file = shipped_configs() + "/defaults.yaml";
  if (std::filesystem::exists(file)) fill(job, read_yaml(file));
}

}  // namespace plexiform::config

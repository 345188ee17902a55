#include "plugin_file.h"

#include <dlfcn.h>
#include <yaml-cpp/yaml.h>

namespace plexiform::testing {

namespace {

Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& item : node) object[item.first.as<std::string>()] = to_json(item.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& item : node) array.push_back(to_json(item));
    return array;
  }
  if (node.IsNull()) return nullptr;
  const Json value = Json::parse(node.Scalar(), nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() || node.Tag() == "!" ? Json(node.Scalar()) : value;  // "!": quoted
}

}  // namespace

const plexiform_component& find_component(const std::string& plugin, const std::string& name) {
  void* library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) throw Error(plugin, dlerror(), "build the plugin before its test");
  const auto entry = reinterpret_cast<plexiform_entry_function>(dlsym(library, PLEXIFORM_ENTRY));
  if (!entry) throw Error(plugin, "has no entry function", "end its source in one of the macros of plugin.h");
  static constexpr auto no_extension = [](const char*) -> const void* { return nullptr; };
  static constexpr plexiform_host host = {sizeof host, PLEXIFORM_ABI_MAJOR, PLEXIFORM_ABI_MINOR, "test", no_extension};
  const plexiform_plugin* descriptor = entry(&host);
  std::vector<std::string> known;
  for (uint32_t i = 0; descriptor && i < descriptor->component_count; ++i) {
    const auto* component = reinterpret_cast<const plexiform_component*>(
        reinterpret_cast<const char*>(descriptor->components) + i * descriptor->component_stride);
    if (component->name == name) return *component;
    known.push_back(component->name);
  }
  throw Error(name, "is not in " + plugin, did_you_mean(name, known));
}

Json knobs_from_yaml(const std::string& yaml) { return to_json(YAML::Load(yaml)); }

}  // namespace plexiform::testing

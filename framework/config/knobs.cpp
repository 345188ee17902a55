#include <config/knobs.h>

#include <array>

namespace plexiform::config {

Json own_knobs(const Node& node) {
  if (!node.is_map()) return to_json(node);
  constexpr std::array hydras = {"_target_", "_convert_", "_recursive_", "_partial_", "_args_"};
  Json json = Json::object();
  for (const auto& [key, value] : node.entries) {
    const bool own = std::find(hydras.begin(), hydras.end(), key) == hydras.end();
    if (own && value.kind != Kind::missing) json[key] = to_json(value);
  }
  return json;
}

}  // namespace plexiform::config

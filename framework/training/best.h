// A best value so far, in the JSON of a checkpoint: infinite before the first, and JSON has no
// infinity.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace plexiform::training {

inline nlohmann::ordered_json best_to_json(double best) {
  if (std::isinf(best)) return best > 0 ? "inf" : "-inf";
  return best;
}

inline double best_from_json(const nlohmann::ordered_json& json) {
  if (!json.is_string()) return json.get<double>();
  const double infinity = std::numeric_limits<double>::infinity();
  return json.get<std::string>() == "inf" ? infinity : -infinity;
}

}  // namespace plexiform::training

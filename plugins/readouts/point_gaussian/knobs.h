// The knobs of point_gaussian that are mappings.
#pragma once

#include <plexiform/params.h>

namespace point_gaussian {

// The network that predicts where a neuron looks from its coordinates.
struct Predictor {
  int64_t hidden_layers = 0, hidden_features = 20;
  bool final_tanh = false;

  void describe(auto& knob) {
    knob("hidden_layers", hidden_layers, {.doc = "between the coordinates and the place", .min = 0, .max = 10});
    knob("hidden_features", hidden_features, {.doc = "units of each", .min = 1});
    knob("final_tanh", final_tanh, {.doc = "keep the place on the map"});
  }
  static const char* type_name() { return "mapping of hidden_layers, hidden_features, final_tanh"; }
  friend void from_json(const plexiform::Json& json, Predictor& p) {
    try {
      plexiform::read_params(p, json);
    } catch (const plexiform::Error& e) {
      throw plexiform::Error("grid_mean_predictor" + (e.where().empty() ? "" : "." + e.where()), e.problem(), e.fix());
    }
  }
  friend void to_json(plexiform::Json& json, const Predictor& p) { json = plexiform::write_params(p); }
};

// Which neurons share: those of one id.
struct Shared {
  plexiform::Json match_ids;  // a list, or the name of the session's tensor

  static const char* type_name() { return "mapping with match_ids"; }
  friend void from_json(const plexiform::Json& json, Shared& s) {
    if (!json.is_object() || !json.contains("match_ids")) throw std::invalid_argument("");
    for (const auto& [key, value] :
         json.items()) {  // what openretina borrows from another readout cannot be written here
      if (key != "match_ids" && !value.is_null()) throw std::invalid_argument("");
    }
    s.match_ids = json["match_ids"];
  }
  friend void to_json(plexiform::Json& json, const Shared& s) { json = {{"match_ids", s.match_ids}}; }
};

}  // namespace point_gaussian

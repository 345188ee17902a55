// The knobs of point_gaussian. Names, and the meaning of their numbers, are those of openretina.
#pragma once

#include <plexiform/layers/readout.h>

namespace point_gaussian {

// The network that predicts where a neuron looks from its coordinates.
struct Predictor {
  int64_t hidden_layers = 0, hidden_features = 20;
  bool final_tanh = false;

  void describe(auto& knob) {
    knob("hidden_layers", hidden_layers, {.doc = "between the coordinates and the place", .min = 0, .max = 10});
    knob("hidden_features", hidden_features, {.doc = "units of each", .min = 1, .max = 10000});
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

struct Params {
  bool bias = true, batch_sample = true, align_corners = true, reg_avg = true;
  double init_mu_range = 0.1, init_sigma_range = 0.15, gamma = 1e-3;
  std::string gauss_type = "full", source_grid = "positions";
  std::optional<Predictor> grid_mean_predictor = {};
  std::optional<Shared> shared_features = {}, shared_grid = {};
  std::optional<std::string> init_grid = {};
  plexiform::layers::ReadoutKnobs common = {};
  enum { ours, multi, single } form = ours;  // not a knob: what openretina's two names call and require

  void describe(auto& knob) {
    knob("bias", bias, {.doc = "an offset for each neuron", .required = form != ours});
    knob("init_mu_range", init_mu_range,
         {.doc = "the first points lie within plus and minus this", .min = 1e-6, .max = 1, .required = form == multi});
    knob("init_sigma_range", init_sigma_range,
         {.doc = "first deviation; `full`: drawn within plus and minus this", .min = 1e-6, .required = form == multi});
    knob("batch_sample", batch_sample, {.doc = "a draw for each clip; false: one for all"});
    knob("align_corners", align_corners, {.doc = "-1 and 1 are the centres of the outer pixels; false: their edges"});
    knob("gauss_type", gauss_type,
         {.doc = "which deviations are free", .choices = {"full", "uncorrelated", "isotropic"}});
    knob("grid_mean_predictor", grid_mean_predictor, {.doc = "the network that predicts the points; null: none"});
    knob("source_grid", source_grid, {.doc = "the session's coordinates of neurons (N, D), by name, for that network"});
    knob("shared_features", shared_features, {.doc = "who share feature weights, up to a scale; null: nobody"});
    knob("shared_grid", shared_grid, {.doc = "who share a point; null: nobody"});
    knob("init_grid", init_grid, {.doc = "the session's first points (N, 2), by name; null: drawn"});
    knob(form == single ? "gamma_readout" : "gamma", gamma,
         {.doc = "weight of the penalty for |feature weight|", .min = 0});
    knob(form == multi ? "reg_avg" : "readout_reg_avg", reg_avg, {.doc = "the penalty is a mean; false: a sum"});
    common.describe(knob);
  }
};

}  // namespace point_gaussian

// From the config's `model` node to a Model whose shapes are checked from end to end before any movie is touched.
//
//   model:
//     core:     {_target_: ..., knobs}      model.hidden_channels, when given, becomes core.channels = [C, *hidden_channels], where the core has that knob
//     readout:  {_target_: ..., knobs}      one per session
//     clone:    {_target_: ..., knobs}      optional: the readout of the sessions after the first, which takes it over
//     loss, evaluation_loss: {_target_: ..., knobs}
//     session_losses: {SESSION: {_target_: ..., knobs}}    optional: sessions that are trained with a loss of their own
//     trace_channels: {NAME: K}             optional: traces of the data, shown to the core as K further channels
//     in_shape: [C, T, H, W]                optional; C, H, W are compared with the data's
#pragma once

#include <config/node.h>
#include <model/model.h>
#include <plugins/catalogue.h>

namespace plexiform::model {

struct SessionShape {
  std::string name;
  int64_t neurons = 0;
  at::Tensor mean_activity;  // (N), or undefined
  std::vector<Named> info;   // what the data say of it beside the responses (data::Session::info)
};

// The model's part of the top level of a config.
struct Spec {
  config::Node node;   // `model`, resolved, defaults filled in
  std::string compat;  // "" or "openretina"
  Shape window;        // (C, T, H, W) of a training window
  std::vector<SessionShape> sessions;
  bool state_follows = false;  // see CoreContext
};

// Errors name the place in the config: unknown component, misspelt knob, a core that does not fit the window, a readout
// that does not fit the core.
Model build(const Spec& spec, plugins::Catalogue& catalogue);

// Checks what needs no data: that the components exist and have the knobs that the config sets. `node` is `model`.
void check_components(const config::Node& node, plugins::Catalogue& catalogue);

}  // namespace plexiform::model

// Reads a resolved mapping into a Params struct (plexiform/params.h). Errors name file, line,
// column and path.
#pragma once

#include <config/node.h>
#include <plexiform/params.h>

namespace plexiform::config {

// A node's own knobs: without Hydra's (`_target_`, `_convert_`, ...) and without missing values.
Json own_knobs(const Node& node);

// Throws Error "retina.yaml:12:5: trainer.max_epochs: is -1".
template <class Params>
Params read_knobs(const Node& node, std::string_view path, Params params = {}) {
  try {
    read_params(params, own_knobs(node));
  } catch (const Error& e) {
    throw Error(where_knob(node, path, e.where(), e.problem() == "no such parameter"), e.problem(), e.fix());
  }
  return params;
}

}  // namespace plexiform::config

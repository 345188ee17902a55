// Traces that the components of a model read (plexiform/abilities.h, Inputs) beside those that the recordings have.
#pragma once

#include <data/recordings.h>
#include <model/model.h>

namespace plexiform::model {

// Throws Error, at the component, for a required input that a session's traces lack or have with other rows.
void check_inputs(const Model& model, const data::Recordings& recordings);

}  // namespace plexiform::model

// Traces that the components of a model read (plexiform/abilities.h, Inputs) beside those that the recordings have.
#pragma once

#include <data/recordings.h>
#include <model/model.h>

namespace plexiform::model {

// Throws Error, at the component, for a required input that a session's traces lack or have with other rows.
void check_inputs(const Model& model, const data::Recordings& recordings);

// Of what comes with a stimulus of B clips of T bins: throws Error for a required input that `traces`, (B, T, K), lack,
// and for a trace of other sizes.
void check_traces(const Model& model, size_t session, const std::vector<Named>& traces, int64_t B, int64_t T);

}  // namespace plexiform::model

// Fine-tuning: a model that begins where a trained one ended (paths.load_model_path).
#pragma once

#include <model/model.h>

namespace plexiform::model {

// Copies the core of the trained model, and the readouts of the sessions that both have; readouts of further sessions
// stay as they were made. Parameters of losses are copied where both have them.
//   run      run folder or bundle
//   returns  what to tell the user: which readouts are taken over, new, left out
// Throws Error when there is no trained model, its core is another one, or a session of the same name has other
// neurons; nothing is copied then.
std::vector<std::string> begin_from(const Model& model, const std::string& run, const data::Recordings& recordings);

}  // namespace plexiform::model

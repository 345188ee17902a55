// What is trained, on what, and how.
#pragma once

#include <data/batches.h>
#include <model/model.h>
#include <training/settings.h>

#include <string>

namespace plexiform::training {

// All of it is borrowed.
struct Task {
  const model::Model& model;
  const data::Recordings& recordings;
  const data::Split& split;
  const data::LoaderParams& loader;
  const Settings& settings;
  std::string folder;  // of the run
};

// Puts the model into training mode; a core that the config freezes as a whole stays in evaluation mode: its statistics are
// frozen, too (openretina's are not).
void training_mode(const Task& task);

// What the model says of a batch, in the config's precision.
at::Tensor predict(const Task& task, const data::Batch& batch);

// The metrics of the validation windows: val_loss and val_total_loss on the scale of the training loss, their parts, and
// val_correlation, over each session's whole validation trace, neuron by neuron.
//   limit  share or number of batches per session (share_of)
Json validate(const Task& task, const Json& limit);

// The first of a part's windows in batches, as many as `limit` says.
std::vector<std::vector<data::Window>> limited(const Task& task, const data::Part& part, const Json& limit);

}  // namespace plexiform::training

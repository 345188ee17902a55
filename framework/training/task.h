// What is trained, on what, and how.
#pragma once

#include <data/batches.h>
#include <model/model.h>
#include <parallel/host/processes.h>
#include <training/settings.h>

#include <string>

namespace plexiform::training {

class KeptFeatures;

// All of it is borrowed.
struct Task {
  const model::Model& model;
  const data::Recordings& recordings;
  const data::Split& split;
  const data::LoaderParams& loader;
  const Settings& settings;
  std::string folder;                // of the run
  KeptFeatures* features = nullptr;  // of the core, where they are kept: batches then need no stimulus
  const parallel::Processes& processes = parallel::alone();
};

// Does the config freeze the core as a whole, its statistics too (openretina's are not)?
bool core_is_frozen(const Task& task);

// Puts the model into training mode; a core that is frozen as a whole stays in evaluation mode.
void training_mode(const Task& task);

// What the model says of a batch, in the config's precision. Of several processes, each predicts its share of the rows and
// gets all of them: what follows from the prediction is the same in each.
at::Tensor predict(const Task& task, const data::Batch& batch);

// Makes the gradients of these parameters, where there are some, the mean of those of all processes.
void average_gradients(const parallel::Processes& processes, const std::vector<Named>& parameters);

// Values of scalars, by one copy from their device.
std::vector<double> values_of(const std::vector<at::Tensor>& scalars);

// The metrics of the validation windows: val_loss and val_total_loss on the scale of the training loss, their parts, and
// val_correlation, over each session's whole validation trace, neuron by neuron.
//   limit  share or number of batches per session (share_of)
Json validate(const Task& task, const Json& limit);

// Where checkpoints are written, with a slash at the end; the last one, which is always there.
std::string checkpoint_folder(const Task& task);
std::string last_checkpoint(const Task& task);

// That a batch of this part has the loss nan or inf, and of which component the first values are that are not finite.
std::string not_finite(const Task& task, const data::Part& part, const data::Batch& batch, double loss);
// A part of the remedy: to clip gradients, where they are not clipped yet.
std::string or_clip(const Task& task);

// The first of a part's windows in batches, as many as `limit` says.
std::vector<std::vector<data::Window>> limited(const Task& task, const data::Part& part, const Json& limit);

}  // namespace plexiform::training

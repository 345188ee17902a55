// A model that takes a movie frame by frame: the core streams (plexiform/abilities.h), and the readout does or gets a clip of
// the few bins that it needs. After the first bins, each frame costs its own work only, however long the movie is.
// Threads  one at a time per model, and one stream: a new one makes the core forget the frames of an earlier one.
#pragma once

#include <model/model.h>
#include <plexiform/abilities.h>
#include <plexiform/layers/window.h>

namespace plexiform::model {

class Stream {
 public:
  // model  in evaluation mode, with the parameters that it keeps; outlives the stream
  // Throws Error when the core does not stream: it looks into the future, or its plugin does not offer it.
  Stream(const Model& model, size_t session);

  // Predicted activity (1, N) of the bin that ends with this frame; undefined for the first lag() frames.
  //   frame   (1, C, H, W) float32, normalised as for training
  //   traces  what else is known of this bin, (K) float32 each. Throws Error for a required one that is missing.
  at::Tensor step(const at::Tensor& frame, const std::vector<Named>& traces = {});

 private:
  const Model& model_;
  const size_t session_;
  Streaming *const core_, *const readout_;  // readout_ null: it does not stream
  layers::Window features_;                 // that the readout looks back at
  std::vector<Named> traces_;               // of the same bins, (1, bins, K)
};

}  // namespace plexiform::model

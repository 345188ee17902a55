// A Core maps stimuli to features shared by all sessions; a Readout then maps them to each neuron of one session.
// Notation  B batch, C channels, F features, T time bins, H x W pixels, row 0 on top; ' is output.
// Source    core/readout split: Klindt et al., NIPS 2017, arXiv:1711.02653.
#pragma once

#include <plexiform/component.h>
#include <plexiform/shape.h>

#include <string>
#include <vector>

namespace plexiform {

// How output bins relate to stimulus bins.
struct Temporal {
  // INT64_MAX: all bins before it (a recurrent core).
  int64_t history = 0;  // bins before the current one that an output bin sees: T - T' of a core that pads nothing
  bool causal = true;   // false: an output bin also sees bins after its own
};

// What the host tells a core that is being built. Fields are only ever added at the end.
struct CoreContext {
  Shape stimulus;      // of a training window
  std::string compat;  // "" sound behaviour; "openretina" brings that package's quirks back
  // The sessions of the model, for a core with parameters of its own for each. A trained core gets further sessions by
  // being built with the longer list: names of parameters do not depend on its order, and those of a new session start
  // where they do nothing.
  std::vector<std::string> sessions = {};
  // Parameters and buffers will be overwritten with those of a trained model: files with initial weights, which its
  // bundle does not need, are not to be read.
  bool state_follows = false;
};

class Core : public Component {
 public:
  // Features of a batch of stimuli.
  //   stimulus  (B, C, T, H, W) float32, normalised as the data section says
  //   returns   (B, F, T', H', W') of the same dtype and device; T' bins end with the last bin of the stimulus
  virtual at::Tensor forward(const at::Tensor& stimulus, const Given& given) = 0;

  // (C, T, H, W) -> (F, T', H', W'). Pure arithmetic: the host checks a whole model before it allocates anything.
  // Throws Error for a stimulus that the core cannot take (wrong channels, kernel longer than the clip).
  virtual Shape output_shape(const Shape& stimulus) const = 0;

  virtual Temporal temporal() const = 0;
};

}  // namespace plexiform

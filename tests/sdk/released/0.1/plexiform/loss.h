// A Loss compares predicted and recorded activity.
// Notation  B batch, T time bins of the window, T' <= T predicted bins, N neurons.
#pragma once

#include <plexiform/component.h>

#include <string>

namespace plexiform {

// How a loss scales with the size of a batch.
enum class Reduction { mean, sum };

// What the host tells a loss that is being built. Fields are only ever added at the end.
struct LossContext {
  std::string compat;  // see CoreContext
};

class Loss : public Component {
 public:
  // The loss to minimise: a scalar, or (N) with one value per neuron, which the host averages.
  //   prediction  (B, T', N)
  //   target      (B, T, N); the first T - T' bins are dropped: both end at the same bin
  // Throws Error when B or N differ or T < T': a broadcast would hide wrong data.
  virtual at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) = 0;

  virtual Reduction reduction() const = 0;
};

}  // namespace plexiform

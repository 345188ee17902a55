// A Loss compares predicted and recorded activity.
// Notation  B batch, T time bins of the window, T' <= T predicted bins, N neurons.
#pragma once

#include <plexiform/component.h>

#include <string>

namespace plexiform {

// How a loss scales with its data. The host minimises it as it is; `plugins check` holds it to its word.
//   mean  the same data twice, as more samples, bins or neurons (these not for a SessionLoss), give the same loss
//   sum   the same data twice, as more samples, give twice the loss
enum class Reduction { mean, sum };

// What the data say of a session, whatever the stimulus.
struct SessionFacts {
  std::string name;
  int64_t neurons = 0;      // N >= 1
  std::vector<Named> info;  // by name and as stored: positions, cell types, ...
};

// What the host tells a loss that is being built. Fields are only ever added at the end.
struct LossContext {
  std::string compat;                       // see CoreContext
  std::vector<SessionFacts> sessions = {};  // those of the model, in its order
};

class Loss : public Component {
 public:
  // The loss to minimise: a scalar, or (N) with one value per neuron, which the host averages.
  //   prediction  (B, T', N)
  //   target      (B, T, N); the first T - T' bins are dropped: both end at the same bin
  // The order of the neurons does not matter. Throws Error when B or N differ or T < T': a broadcast would hide wrong data.
  virtual at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) = 0;

  virtual Reduction reduction() const = 0;
};

}  // namespace plexiform

// A Loss compares predicted and recorded activity.
// Notation  B batch, T time bins of the window, T' <= T predicted bins, N neurons.
#pragma once

#include <plexiform/component.h>

#include <string>

namespace plexiform {

// How a loss scales with the size of a batch.
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
  // Throws Error when B or N differ or T < T': a broadcast would hide wrong data.
  virtual at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target) = 0;

  virtual Reduction reduction() const = 0;
};

// The ability of a loss that treats the neurons of a session as what they are: by cell type, or with parameters of their
// own. The host then calls this forward instead of the other; what both promise is the same.
struct SessionLoss {
  static constexpr std::string_view name = "plexiform.session_loss/1";

  virtual at::Tensor forward(const at::Tensor& prediction, const at::Tensor& target, const Given& given) = 0;

 protected:
  ~SessionLoss() = default;
};

}  // namespace plexiform

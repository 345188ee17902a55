// What cores, readouts and losses have in common: tensors that are trained and saved, modes, and optional abilities.
// Ownership  created by a plugin, held by the host in a shared_ptr; tensors are handles, shared with the component.
// Errors     plexiform::Error for what a user can fix; LibTorch's own exceptions pass through.
// Threads    one at a time per component; two components may run at the same time.
//
// Promises of every kind, which `plexiform plugins check` looks at:
//   forward    does not write its inputs; its output depends on their values, not on their strides; it runs under
//              InferenceMode, and trains after that.
//   Values     outputs and gradients are finite; each trained parameter that the session uses has one, and the right one.
//   Graph      what forward returns can go backward after the component is gone.
//   Evaluation the same inputs give the same bits; the samples of a batch do not see each other (those of a loss may).
//   Random     numbers come from LibTorch's default generator, which the host seeds: the same seed gives the same bits.
//   Process    no global setting is changed, no thread, open file or memory left behind, nothing printed.
// A virtual is never added here in place: what is new is asked for by name (`ability`).
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>

#include <string_view>
#include <vector>

namespace plexiform {

class Component {
 public:
  virtual ~Component() = default;

  // What is trained (or frozen by requires_grad = false) and saved: leaf tensors, in registration order; the names are those
  // of the bundle on disk. A tensor occurs once. Always the same tensors: optimisers hold on to them.
  virtual std::vector<Named> parameters() = 0;

  // What is saved but not trained: running statistics and other state.
  virtual std::vector<Named> buffers() = 0;

  // Training mode (batch statistics, dropout) or evaluation mode. A new component is in training mode.
  virtual void train(bool on) = 0;

  // Moves parameters and buffers, in place. dtype is float32 or float64.
  virtual void to(at::Device device, at::ScalarType dtype) = 0;

  // Weighted regulariser: a scalar on the parameters' device that the host adds to the loss. Undefined means zero.
  virtual at::Tensor penalty() { return {}; }

  // Puts parameters back into their allowed set (positivity, unit norm); called after every optimiser step, without grad.
  virtual void project() {}

  // An optional interface by name, such as "plexiform.streaming/1"; null when the component does not have it.
  virtual void* ability(std::string_view) { return nullptr; }
};

}  // namespace plexiform

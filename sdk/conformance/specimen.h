// One instance of the component under test, whatever its kind: something that maps an input to an output. What the checks
// are written with.
// Notation  B batch, C channels or features, T bins, H x W pixels, N neurons.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/StringUtil.h>
#include <plexiform/core.h>
#include <plexiform/loss.h>
#include <plexiform/readout.h>

#include <functional>
#include <memory>
#include <optional>

#include "conformance.h"

namespace plexiform::conformance {

using c10::str;  // str("a ", 1) = "a 1"

// Thrown by a check: what was seen instead of what is promised.
struct Broken {
  std::string seen;
};
// Thrown by a check that has nothing to do: why.
struct NotRun {
  std::string why;
};
inline void expect(bool holds, const std::string& seen) {
  if (!holds) throw Broken{seen};
}

// The three-dimensional world of losses and readouts. A loss sees `lag` more bins recorded than predicted.
constexpr int64_t neurons = 3, loss_bins = 9, lag = 4;

// A session of the model that the component belongs to.
struct Session {
  std::string name;
  int64_t neurons;
};

class Specimen {
 public:
  // Draws its weights after at::manual_seed(subject.seed + reseed). Throws the Error that the component refuses with.
  //   sessions  of the model: a core and a loss are built for all of them, a readout for the first. Only the check of
  //             sessions names others than the usual one, and a loss without any is one that a program uses by itself.
  explicit Specimen(const Subject& subject, uint64_t reseed = 0);
  Specimen(const Subject& subject, uint64_t reseed, const std::vector<Session>& sessions);

  // A random input for this kind: (B, C, T, H, W) normally distributed; a loss: predicted rates (B, T', N) from 0.1 to 1.1.
  at::Tensor input(int64_t batch = 2) const { return input(batch, shape_); }
  at::Tensor input(int64_t batch, const Shape& shape) const;

  // forward. A loss compares with target(input); one that was built for sessions takes the batch for one of the usual.
  at::Tensor run(const at::Tensor& input) const;
  // forward as the host calls it for a batch of that session.
  at::Tensor run(const at::Tensor& input, const std::string& session) const;
  // run() of what the component said that it takes: an Error of forward is then a fault too.
  //   what  "for a stimulus ..."
  at::Tensor run_or_break(const at::Tensor& input, const std::string& what) const;
  // run() and the penalty made one number that depends on every element of the output.
  at::Tensor value(const at::Tensor& input) const;

  Component& operator*() const { return *component_; }
  Component* operator->() const { return component_.get(); }
  Core& core() const { return *core_; }
  Loss& loss() const { return *loss_; }
  // The forward of a loss that the host would call for it.
  at::Tensor compare(const at::Tensor& prediction, const at::Tensor& target) const;
  bool is_loss() const { return loss_ != nullptr; }
  bool of_session() const { return of_session_; }
  void destroy();

 private:
  void build(const Subject& subject, uint64_t reseed, const std::vector<Session>& sessions);

  Shape shape_;
  bool of_session_ = false;
  std::shared_ptr<Core> core_;
  std::shared_ptr<Readout> readout_;
  std::shared_ptr<Loss> loss_;
  std::shared_ptr<Component> component_;
};

// What one instance shows, and a SessionLoss twice: by itself, and built for a session.
void for_each_use(const Subject& subject, const std::function<void(const Specimen&)>& check);
template <void (*check)(const Specimen&)>
void in_each_use(const Subject& subject) {
  for_each_use(subject, check);
}

// None when the component refuses this setting, as it may. Throws Broken for a refusal that no user can mend.
std::optional<Specimen> build(const Subject& subject);

// [{"name", "type", "doc", ...}] of params.h.
Json list_knobs(const plexiform_component& component);

// Builds a component through its entry. Throws the Error that the plugin reports; returns the values of all knobs.
//   context, out  as in plexiform/abi.h, plexiform_component::create
Json create(const plexiform_component& component, const Json& knobs, const void* context, void* out);

// create() with the context that `subject` stands for; the instance is dropped.
Json try_create(const Subject& subject);

// Of create: an exception that the author did not mean for users.
struct Accident : Error {
  using Error::Error;
};

// Recorded activity (B, T' + lag, N) to compare a prediction with: always the same numbers, from 0 to 2.
at::Tensor target(const at::Tensor& prediction);

// What forward of a clip (B, C, T, H, W) may ask for: the tensors that the Inputs ability names, always the same numbers and the
// same for each sample; with `bin`, those of that bin alone.
Given given(Component& component, const at::Tensor& clip, int64_t bin = -1, const std::string& session = "session");

std::vector<int64_t> sizes(int64_t batch, const Shape& shape);
std::vector<Named> state(Component& component);      // parameters, then buffers
std::vector<Named> trainable(Component& component);  // parameters with requires_grad

// Adds 0 to 0.1 to all that is saved: away from a start where zeros lie on the kinks of nonlinearities.
void move_a_little(Component& component);

// Copies what is saved by name, as loading a bundle does. Throws Broken when the names or shapes differ.
void copy_state(Component& from, Component& to);

bool finite(const at::Tensor& x);
// As large a difference as the larger of the two values allows.
bool agree(const at::Tensor& a, const at::Tensor& b, double relative);
// The largest |a - b|, for messages.
double distance(const at::Tensor& a, const at::Tensor& b);

// sum_i x_i sin(0.37 (i + 1)): depends on every element, and notices a transposed axis.
at::Tensor weighted_sum(const at::Tensor& x);

}  // namespace plexiform::conformance

// Optimisers: what turns gradients into new parameters. Parameters share one learning rate; a group of them, chosen by a
// pattern, may have its own, which then keeps its ratio to the common one, and its own weight decay.
// A parameter without a gradient is left alone in that step: no decay, no momentum, no step count.
// Layout   that of a gradient does not matter; a parameter's memory has no gaps.
// Errors   Error(knob or parameter, what, fix).
// Threads  one at a time per optimiser.
// Source   the arithmetic is that of torch.optim (its fused kernels where it has them); papers: optimizers.h.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>
#include <plexiform/params.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plexiform::training {

struct OptimizerState {
  std::vector<Named> tensors;  // "<parameter>.<moment>", of the parameters that have had a gradient
  Json scalars;                // {"learning_rate": 0.001}
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update from the gradients that the parameters hold now.
  //   evaluate  makes the gradients of the same batch anew, and returns its loss: for LBFGS; others do not call it
  using Evaluate = std::function<double()>;
  virtual void step(const Evaluate& evaluate = {}) = 0;
  virtual bool evaluates() const { return false; }
  // Makes every gradient undefined.
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  void set_learning_rate(double rate);  // finite, at least 0
  // For schedules that cycle it: SGD's and RMSprop's momentum, Adam's betas[0]; none: this optimiser has no momentum.
  virtual std::optional<double> momentum() const { return std::nullopt; }
  virtual void set_momentum(double) {}

  // For a checkpoint. The tensors are handles: the next step changes them.
  virtual OptimizerState state() const;
  // Continues from a state to the same bits. A state of other parameters is refused, and nothing
  // done.
  virtual void restore(const OptimizerState& state);

 protected:
  // moments  names of what is kept per parameter: "step" is a count, others have its shape
  // groups   an object {pattern: {"lr"?, "weight_decay"?}}; `*` is any text; a parameter belongs to the first that matches
  Optimizer(std::vector<Named> parameters, double learning_rate, double weight_decay, const Json& groups,
            std::vector<std::string> moments);

  // The parameters of one group that have a gradient now, as the fused kernels take them, and the group's own numbers.
  struct Active {
    double learning_rate = 0, weight_decay = 0;
    std::vector<size_t> indices;
    std::vector<at::Tensor> parameters, gradients;
  };
  const std::vector<Named>& parameters() const { return parameters_; }
  std::vector<Active> active() const;  // groups without a gradient left out
  // Moment `moment` of the parameters `indices`; zero where there was none.
  std::vector<at::Tensor> moments(size_t moment, const std::vector<size_t>& indices);
  bool has_moment(size_t moment, size_t index) const { return moments_[moment][index].defined(); }

 private:
  at::Tensor new_moment(size_t moment, size_t index) const;

  struct Group {
    double rate_ratio, weight_decay;
  };
  void assign_groups(const Json& groups, double weight_decay);

  std::vector<Named> parameters_;
  double learning_rate_;
  std::vector<Group> groups_;     // the last holds what no pattern matches
  std::vector<size_t> group_of_;  // of each parameter
  std::vector<std::string> moment_names_;
  std::vector<std::vector<at::Tensor>> moments_;  // [moment][parameter], made at the first gradient
};

// The optimiser of a config's `_target_`, with torch's knobs and defaults.
//   target      "torch.optim.AdamW", Adam, SGD, RMSprop, Adagrad, LBFGS
//   knobs       without `_target_`; `groups` is ours
//   parameters  those to train; names are unique. None: only the knobs are checked
std::unique_ptr<Optimizer> make_optimizer(const std::string& target, const Json& knobs, std::vector<Named> parameters);

// LBFGS, which is LibTorch's own (lbfgs.cpp).
std::unique_ptr<Optimizer> make_lbfgs(const Json& knobs, std::vector<Named> parameters);

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is their common L2 norm,
// which is returned as a scalar on their device (no synchronisation); 0 when there is no gradient.
at::Tensor clip_grad_norm(const std::vector<Named>& parameters, double max_norm);
// Limits every gradient's values to [-most, most].
void clip_grad_value(const std::vector<Named>& parameters, double most);

}  // namespace plexiform::training

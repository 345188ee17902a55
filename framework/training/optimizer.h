// Optimisers: what turns gradients into new parameters. All parameters share one learning rate.
// A parameter without a gradient is left alone in that step: no decay, no momentum, no step count.
// Layout   that of a gradient does not matter; a parameter's memory has no gaps.
// Errors   Error(knob or parameter, what, fix).
// Threads  one at a time per optimiser.
// Source   the arithmetic is that of torch.optim.AdamW and torch.optim.SGD (fused kernels).
//          AdamW: Loshchilov & Hutter, ICLR 2019, arXiv:1711.05101, Algorithm 2
//          amsgrad: Reddi et al., ICLR 2018; nesterov: Sutskever et al., ICML 2013
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>
#include <plexiform/params.h>

#include <memory>
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
  virtual void step() = 0;
  // Makes every gradient undefined.
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  void set_learning_rate(double rate);  // finite, at least 0

  // For a checkpoint. The tensors are handles: the next step changes them.
  OptimizerState state() const;
  // Continues from a state to the same bits. A state of other parameters is refused, and nothing
  // done.
  void restore(const OptimizerState& state);

 protected:
  // moments  names of what is kept per parameter: "step" is a count, others have its shape
  Optimizer(std::vector<Named> parameters, double learning_rate, std::vector<std::string> moments);

  // The parameters that have a gradient now, as the fused kernels take them.
  struct Active {
    std::vector<size_t> indices;
    std::vector<at::Tensor> parameters, gradients;
  };
  Active active() const;
  // Moment `moment` of the parameters `indices`; zero where there was none.
  std::vector<at::Tensor> moments(size_t moment, const std::vector<size_t>& indices);
  bool has_moment(size_t moment, size_t index) const { return moments_[moment][index].defined(); }

 private:
  at::Tensor new_moment(size_t moment, size_t index) const;

  std::vector<Named> parameters_;
  double learning_rate_;
  std::vector<std::string> moment_names_;
  std::vector<std::vector<at::Tensor>> moments_;  // [moment][parameter], made at the first gradient
};

// The optimiser of a config's `_target_`, with torch's knobs and defaults.
//   target      "torch.optim.AdamW" or "torch.optim.SGD"
//   knobs       without `_target_`
//   parameters  those to train; names are unique
std::unique_ptr<Optimizer> make_optimizer(const std::string& target, const Json& knobs, std::vector<Named> parameters);

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is their common L2 norm,
// which is returned as a scalar on their device (no synchronisation); 0 when there is no gradient.
at::Tensor clip_grad_norm(const std::vector<Named>& parameters, double max_norm);

struct AdamWParams {
  double lr = 1e-3;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
  void describe(auto& knob) {
    knob("lr", lr, {.doc = "learning rate", .min = 0});
    knob("betas", betas, {.doc = "decay of the mean gradient and of the mean square", .min = 0});
    knob("eps", eps, {.doc = "added to the root of the mean square", .min = 0});
    knob("weight_decay", weight_decay, {.doc = "each step scales weights by 1 - lr * weight_decay", .min = 0});
    knob("amsgrad", amsgrad, {.doc = "divide by the largest mean square so far"});
    knob("maximize", maximize, {.doc = "climb instead of descend"});
  }
  void check() const {
    if (betas.size() != 2 || betas[0] >= 1 || betas[1] >= 1) {
      throw Error("betas", "is " + Json(betas).dump(), "give two numbers below 1, such as [0.9, 0.999]");
    }
  }
};

struct SgdParams {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
  void describe(auto& knob) {
    knob("lr", lr, {.doc = "learning rate", .min = 0});
    knob("momentum", momentum, {.doc = "share of the last step's direction that is kept", .min = 0});
    knob("dampening", dampening, {.doc = "share of the gradient that does not enter the momentum"});
    knob("weight_decay", weight_decay, {.doc = "times the weight, added to its gradient", .min = 0});
    knob("nesterov", nesterov, {.doc = "look ahead along the momentum; needs momentum, and no dampening"});
    knob("maximize", maximize, {.doc = "climb instead of descend"});
  }
  void check() const {
    if (nesterov && (momentum <= 0 || dampening != 0)) {
      throw Error("nesterov", "is true without momentum, or with dampening", "set momentum above 0 and dampening to 0");
    }
  }
};

}  // namespace plexiform::training

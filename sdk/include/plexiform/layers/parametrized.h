// Nonlinearities whose shape is learned; parameters are scalars, with openretina's names.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <torch/nn/module.h>

namespace plexiform::layers {

// y = c x above 0, a (exp(x / b) - 1) below; a b c: height, width and slope. Gradients are finite for any x.
class ParametrizedELU final : public torch::nn::Module {
 public:
  explicit ParametrizedELU(double a = 1, double b = 1, double c = 1);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  at::Tensor a_, b_, c_;
};

// y = w softplus(a x + b). a is learned only when asked for, and else no part of the state.
class ParametrizedSoftplus final : public torch::nn::Module {
 public:
  explicit ParametrizedSoftplus(double a = 1, double b = 0, double w = 1, bool learn_a = false);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  double fixed_a_;
  at::Tensor a_, b_, w_;
};

}  // namespace plexiform::layers

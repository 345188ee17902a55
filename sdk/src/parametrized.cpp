#include <plexiform/layers/parametrized.h>
#include <torch/types.h>

namespace plexiform::layers {

namespace {

at::Tensor scalar(double value) { return torch::tensor(value, torch::kFloat32); }

}  // namespace

ParametrizedELU::ParametrizedELU(double a, double b, double c)
    : a_(register_parameter("a", scalar(a))),
      b_(register_parameter("b", scalar(b))),
      c_(register_parameter("c", scalar(c))) {}

at::Tensor ParametrizedELU::forward(const at::Tensor& x) const {
  const auto below = a_ * torch::expm1(x.clamp_max(0) / b_);  // not x: what is not taken would overflow
  return torch::where(x > 0, c_ * x, below);
}

ParametrizedSoftplus::ParametrizedSoftplus(double a, double b, double w, bool learn_a) : fixed_a_(a) {
  if (learn_a) a_ = register_parameter("a", scalar(a));
  b_ = register_parameter("b", scalar(b));
  w_ = register_parameter("w", scalar(w));
}

at::Tensor ParametrizedSoftplus::forward(const at::Tensor& x) const {
  return w_ * torch::softplus((a_.defined() ? x * a_ : x * fixed_a_) + b_);
}

}  // namespace plexiform::layers

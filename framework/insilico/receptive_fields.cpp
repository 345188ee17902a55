#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <insilico/receptive_fields.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

namespace plexiform::insilico {

at::Tensor receptive_fields(const Predict& predict, const at::Tensor& stimuli) {
  const auto stimulus = stimuli.detach().clone().requires_grad_();
  const auto last = predict(stimulus).select(1, -1).sum(0);  // (N)
  std::vector<at::Tensor> fields;
  for (int64_t n = 0; n < last.size(0); ++n) {
    const auto gradient = torch::autograd::grad({last[n]}, {stimulus}, {}, /*retain_graph=*/true);
    fields.push_back(gradient[0].mean(0));
  }
  return at::stack(fields);
}

at::Tensor receptive_field_centers(const at::Tensor& fields) {
  const auto strength = fields.square().sum({1, 2}).sqrt();  // (N, H, W)
  const auto peak = strength.amax({1, 2}, /*keepdim=*/true);
  const auto weight = (strength - peak / 2).clamp_min(0);
  const auto rows = at::arange(weight.size(1), weight.options()).view({1, -1, 1});
  const auto columns = at::arange(weight.size(2), weight.options()).view({1, 1, -1});
  const auto total = weight.sum({1, 2});
  return at::stack({(weight * rows).sum({1, 2}) / total, (weight * columns).sum({1, 2}) / total}, 1);
}

}  // namespace plexiform::insilico

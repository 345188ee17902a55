#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <plexiform/layers/regularisers.h>

namespace plexiform::layers {

namespace {

at::Tensor second_difference(const at::Tensor& w, int64_t axis) {  // of the inner elements
  const int64_t n = w.size(axis);
  return 2 * w.slice(axis, 1, n - 1) - w.slice(axis, 0, n - 2) - w.slice(axis, 2, n);
}

at::Tensor ratio(const at::Tensor& filtered, const at::Tensor& kernel) {
  return filtered.square().sum() / (kernel.square().sum() + 1e-6);
}

}  // namespace

at::Tensor spatial_roughness(const at::Tensor& w) {
  const int64_t rows = w.size(-2), columns = w.size(-1);
  return ratio(second_difference(w.slice(-1, 1, columns - 1), -2) + second_difference(w.slice(-2, 1, rows - 1), -1), w);
}

at::Tensor temporal_roughness(const at::Tensor& w) { return ratio(second_difference(w, -1), w); }

at::Tensor frequency_roughness(const at::Tensor& sines, const at::Tensor& cosines) {
  const auto q = at::linspace(0.1, 0.9, sines.size(2), sines.options().requires_grad(false));
  return ((q * sines).square().sum() + (q * cosines).square().sum()) / sines.size(0);
}

at::Tensor group_sparsity(const at::Tensor& kernel) {
  const auto energy = kernel.square().flatten(2).sum(2);  // (O, I)
  return ((energy + 1e-10).sqrt().sum(1) / (energy.sum(1) + 1e-8).sqrt()).sum();
}

}  // namespace plexiform::layers

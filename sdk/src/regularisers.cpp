#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/linspace.h>
#include <plexiform/error.h>
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

at::Tensor laplacian(const at::Tensor& w) {
  const int64_t rows = w.size(-2), columns = w.size(-1);
  return second_difference(w.slice(-1, 1, columns - 1), -2) + second_difference(w.slice(-2, 1, rows - 1), -1);
}

// (rows, columns), from 0 to 1.
at::Tensor gaussian_window(int64_t rows, int64_t columns, const at::TensorOptions& options) {
  const double deviation = static_cast<double>(std::min(rows, columns)) / 4;
  auto profile = [&](int64_t size) {
    const auto offset = at::arange(size, options) - static_cast<double>(size - 1) / 2;
    return (-0.5 * (offset / deviation).square()).exp();
  };
  const auto window = profile(rows).unsqueeze(1) * profile(columns);
  const auto raised = window - window.min();
  return raised / raised.max();
}

}  // namespace

at::Tensor spatial_roughness(const at::Tensor& w) { return ratio(laplacian(w), w); }

at::Tensor padded_roughness(const at::Tensor& w, int64_t padding, bool spare_centre) {
  if (std::min(w.size(-2), w.size(-1)) + 2 * padding < 3) {
    throw Error(
        "", "kernels of " + std::to_string(w.size(-2)) + " x " + std::to_string(w.size(-1)) + " px have no Laplacian",
        "set the weight of the smoothness penalty to 0");
  }
  auto rough = laplacian(at::constant_pad_nd(w, {padding, padding, padding, padding}));
  if (spare_centre) {
    if (padding != 1) throw Error("laplace_padding", "is not 1", "a window over the kernel needs a padding of 1");
    rough = rough * (1 - gaussian_window(w.size(-2), w.size(-1), w.options().requires_grad(false)));
  }
  return ratio(rough, w);
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

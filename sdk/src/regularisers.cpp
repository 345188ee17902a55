#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/tensor.h>
#include <plexiform/layers/regularisers.h>

namespace plexiform::layers {

namespace {

at::Tensor second_difference(const at::Tensor& w, int64_t axis) {  // of the inner elements
  const int64_t n = w.size(axis);
  return 2 * w.slice(axis, 1, n - 1) - w.slice(axis, 0, n - 2) - w.slice(axis, 2, n);
}

at::Tensor ratio(const at::Tensor& filtered, const at::Tensor& kernel, bool mean) {
  const auto above = filtered.square(), below = kernel.square();
  return mean ? above.mean() / (below.mean() + 1e-6) : above.sum() / (below.sum() + 1e-6);
}

at::Tensor five_point(const at::Tensor& w) {
  const int64_t rows = w.size(-2), columns = w.size(-1);
  return second_difference(w.slice(-1, 1, columns - 1), -2) + second_difference(w.slice(-2, 1, rows - 1), -1);
}

at::Tensor framed(const at::Tensor& w, int64_t axes, int64_t zeros) {
  return zeros == 0 ? w : at::constant_pad_nd(w, std::vector<int64_t>(static_cast<size_t>(2 * axes), zeros));
}

// clang-format off
constexpr float laplacian5[] = {0, 0,   1, 0, 0,
                                0, 1,   2, 1, 0,
                                1, 2, -16, 2, 1,
                                0, 1,   2, 1, 0,
                                0, 0,   1, 0, 0};
constexpr float laplacian7[] = {0, 0,  1,   1,  1, 0, 0,
                                0, 1,  3,   3,  3, 1, 0,
                                1, 3,  0,  -7,  0, 3, 1,
                                1, 3, -7, -24, -7, 3, 1,
                                1, 3,  0,  -7,  0, 3, 1,
                                0, 1,  3,   3,  3, 1, 0,
                                0, 0,  1,   1,  1, 0, 0};
// clang-format on

}  // namespace

at::Tensor spatial_roughness(const at::Tensor& w, const Roughness& how) {
  return ratio(five_point(framed(w, 2, how.zeros)), w, how.mean);
}

at::Tensor temporal_roughness(const at::Tensor& w, const Roughness& how) {
  return ratio(second_difference(framed(w, 1, how.zeros), -1), w, how.mean);
}

at::Tensor surround_roughness(const at::Tensor& w, bool mean) {
  const int64_t rows = w.size(-2), columns = w.size(-1);
  const auto centre = gaussian_bump(rows, columns, static_cast<double>(std::min(rows, columns)) / 4).to(w.options());
  return ratio(laplacian(w) * (1 - centre), w, mean);
}

at::Tensor gaussian_bump(int64_t rows, int64_t columns, double sigma) {
  auto squares = [](int64_t n) { return (at::arange(n) - 0.5 * static_cast<double>(n - 1)).square(); };
  const auto radius = squares(rows).unsqueeze(1) + squares(columns);
  const auto bump = (radius * (-0.5 / (sigma * sigma))).exp();
  const auto from_zero = bump - bump.min();
  return from_zero / from_zero.max();
}

at::Tensor laplacian(const at::Tensor& maps, int64_t side) {
  if (side == 3) return five_point(framed(maps, 2, 1));
  TORCH_CHECK_VALUE(side == 5 || side == 7, "a Laplacian of ", side, " px: there are those of 3, 5 and 7");
  const float* values = side == 5 ? laplacian5 : laplacian7;
  const auto filter = at::tensor(at::ArrayRef<float>(values, static_cast<size_t>(side * side))).to(maps.options());
  const auto frames = maps.reshape({-1, 1, maps.size(-2), maps.size(-1)});
  return at::conv2d(frames, filter.view({1, 1, side, side}), {}, 1, side / 2).view_as(maps);
}

at::Tensor frequency_roughness(const at::Tensor& sines, const at::Tensor& cosines) {
  const auto q = at::linspace(0.1, 0.9, sines.size(2), sines.options().requires_grad(false));
  return ((q * sines).square().sum() + (q * cosines).square().sum()) / sines.size(0);
}

at::Tensor group_sparsity(const at::Tensor& kernel, double above, double below) {
  const auto energy = kernel.square().flatten(2).sum(2);  // (O, I)
  return ((energy + above).sqrt().sum(1) / (energy.sum(1) + below).sqrt()).sum();
}

}  // namespace plexiform::layers

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <plexiform/layers/custom_separable.h>
#include <plexiform/layers/regularisers.h>
#include <torch/types.h>

#include <cmath>
#include <numbers>

#include "fused.h"

namespace plexiform::layers {

namespace {

constexpr int64_t bins_per_frequency = 3;

// Rows t0 .. t1 of the banded matrix that convolves `source` bins with a temporal kernel (O, I, kt):
//   M[o,i,t,s] = kernel[o,i, s - t + before]        where that index exists, else 0
at::Tensor banded(const at::Tensor& kernel, int64_t t0, int64_t t1, int64_t s0, int64_t s1, int64_t before) {
  const int64_t bins = kernel.size(2);
  const auto options = kernel.options().dtype(torch::kInt64);
  const auto index = torch::arange(s0, s1, options) - torch::arange(t0, t1, options).unsqueeze(1) + before;
  const auto outside = index.lt(0).logical_or(index.ge(bins));
  const auto with_zero = torch::constant_pad_nd(kernel, {0, 1});
  return with_zero.index_select(2, index.masked_fill(outside, bins).flatten())
      .view({kernel.size(0), kernel.size(1), t1 - t0, s1 - s0});
}

}  // namespace

std::pair<at::Tensor, at::Tensor> temporal_basis(int64_t bins, const at::Tensor& stretch) {
  // The order of operations is openretina's, so that float32 rounds alike.
  const auto t = torch::arange(bins, stretch.options()) - bins;
  const auto phase = stretch * t * 2 * std::numbers::pi / bins;
  const auto fade_in = 1 / (1 + torch::exp(-t - std::floor(0.95 * bins) / stretch));
  const auto k = torch::arange(bins / bins_per_frequency, stretch.options()).unsqueeze(1);
  return {fade_in * torch::sin(k * phase), fade_in * torch::cos(k * phase)};
}

CustomSeparable::CustomSeparable(const ConvolutionSize& s, bool openretina)
    : Convolution(s, openretina), memory_(std::make_unique<FusedMemory>()) {
  if (s.bins < bins_per_frequency) {
    throw Error("temporal_kernel_sizes", "has a kernel of " + std::to_string(s.bins) + " bins for custom_separable",
                "use at least 3 bins, or convolution_type: time_independent");
  }
  const int64_t frequencies = s.bins / bins_per_frequency;
  sin_ = register_parameter("sin_weights", 0.01 * torch::randn({s.outputs, s.inputs, frequencies}));
  cos_ = register_parameter("cos_weights", 0.01 * torch::randn({s.outputs, s.inputs, frequencies}));
  spatial_ = register_parameter("weight_spatial", 0.01 * torch::randn({s.outputs, s.inputs, 1, s.height, s.width}));
}

CustomSeparable::~CustomSeparable() = default;

at::Tensor CustomSeparable::temporal_kernel(const at::Tensor& log_speed) const {
  if (log_speed.defined()) {
    const auto [sines, cosines] = temporal_basis(size_.bins, log_speed.exp());
    return torch::matmul(sin_, sines) + torch::matmul(cos_, cosines);
  }
  if (!basis_.first.defined() || basis_.first.dtype() != sin_.dtype() || basis_.first.device() != sin_.device()) {
    const c10::InferenceMode off(false);  // it is kept for a training that may follow
    basis_ = temporal_basis(size_.bins, torch::ones({1}, sin_.options().requires_grad(false)));
  }
  return torch::matmul(sin_, basis_.first) + torch::matmul(cos_, basis_.second);
}

at::Tensor CustomSeparable::temporal_roughness() const { return frequency_roughness(sin_, cos_); }

at::Tensor CustomSeparable::dense(const at::Tensor& input, const at::Tensor& log_speed) const {
  const auto weight = temporal_kernel(log_speed).unsqueeze(3).unsqueeze(4) * spatial_;
  return convolve(input, weight, time_, height_, width_);
}

bool CustomSeparable::factored_is_faster(const at::Tensor& input) const {
  // Time per (o, i) pair and pixel, in multiplications: what a map costs on its way through memory,
  // forward and backward, was measured to be worth 400 of them a bin (CPUs with AVX2 and AVX-512;
  // layers of 1 to 16 inputs).
  constexpr double through_memory = 400, most_bytes = 1 << 30;
  const Shape out = output_shape({size_.inputs, input.size(2), input.size(3), input.size(4)});
  const double bins = static_cast<double>(input.size(2)), taps = static_cast<double>(size_.height * size_.width);
  const double dense = static_cast<double>(size_.bins * out.time) * taps;
  const double factored = bins * (taps + static_cast<double>(rows_of_block(out.time)) + through_memory);
  const double maps = static_cast<double>(input.size(0) * size_.inputs * size_.outputs * out.height * out.width) * bins;
  return factored < dense && maps * static_cast<double>(input.element_size()) <= most_bytes;
}

int64_t CustomSeparable::rows_of_block(int64_t out) const {
  return std::min(out, std::max<int64_t>(64, 2 * size_.bins));
}

at::Tensor CustomSeparable::factored(const at::Tensor& input, const at::Tensor& log_speed) const {
  const int64_t B = input.size(0), I = size_.inputs, O = size_.outputs, T = input.size(2);
  const auto kernels = spatial_.transpose(0, 1).reshape({I * O, 1, 1, size_.height, size_.width});
  const auto maps = convolve(input, kernels, {}, height_, width_, I);
  const int64_t H = maps.size(3), W = maps.size(4);
  const auto in_space = maps.view({B, I, O, T, H * W});

  // In blocks of output bins, so that the matrix stays narrow however long the clip is.
  const auto kernel = temporal_kernel(log_speed);
  const int64_t out = T + time_.total() - size_.bins + 1, rows = rows_of_block(out);
  std::vector<at::Tensor> blocks;
  for (int64_t t0 = 0; t0 < out; t0 += rows) {
    const int64_t t1 = std::min(out, t0 + rows);
    const int64_t s0 = std::clamp<int64_t>(t0 - time_.before, 0, T);
    const int64_t s1 = std::clamp<int64_t>(t1 - 1 - time_.before + size_.bins, s0, T);
    const auto matrix = banded(kernel, t0, t1, s0, s1, time_.before).transpose(0, 1);  // (I, O, t, s)
    const auto block = torch::matmul(matrix, in_space.slice(3, s0, s1));
    blocks.push_back(I == 1 ? block.squeeze(1) : block.sum(1));
  }
  return (blocks.size() == 1 ? blocks[0] : torch::cat(blocks, 2)).view({B, O, out, H, W});
}

at::Tensor CustomSeparable::fused(const at::Tensor& input, const at::Tensor& log_speed) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const bool narrow = input.scalar_type() == at::kBFloat16;
  auto wide = [&](const at::Tensor& x) { return narrow ? x.to(at::kFloat) : x; };
  return convolve_fused(wide(input), wide(temporal_kernel(log_speed)), wide(spatial_), time_, height_, width_, *memory_)
      .to(input.scalar_type());
}

std::unique_ptr<FrameLayer> CustomSeparable::frame_layer(const BatchNorm& norm, const at::Tensor& frame) const {
  if (!streams() || !FrameLayer::fits(frame, spatial_)) return nullptr;
  return std::make_unique<FrameLayer>(temporal_kernel({}), spatial_, time_, height_, width_, norm, frame);
}

bool CustomSeparable::fused_is_faster(const at::Tensor& input) const {
  const auto dtype = input.scalar_type();
  if (!input.device().is_cpu() || (dtype != at::kFloat && dtype != at::kBFloat16)) return false;
  // At their best, both make the same number of multiplications in a second (CPUs with AVX2 and AVX-512); lanes that
  // the outputs leave empty are lost, and plain C++ makes a quarter.
  const std::array<int64_t, 3> temporal = {size_.outputs, size_.inputs, size_.bins};
  const auto problem = fused_problem(input.sizes(), temporal, spatial_.sizes(), time_, height_, width_);
  const auto wanted = fused_wanted(input, sin_, spatial_);
  const auto& kernels = factored::kernels<float>(size_.outputs);
  const double blocks = std::ceil(static_cast<double>(size_.outputs) / kernels.lanes);
  const double lanes = blocks * kernels.lanes / static_cast<double>(size_.outputs);
  const auto order = factored::cheaper_order(problem, wanted, kernels.register_lanes);
  const double fused = order == factored::Order::in_frequency
                           ? factored::cost(problem, order, wanted, kernels.register_lanes)
                           : factored::multiplications(problem, order, wanted);
  return fused * lanes * (kernels.plain ? 4 : 1) < factored::dense_multiplications(problem, wanted);
}

CustomSeparable::Way CustomSeparable::fastest(const at::Tensor& input) const {
  if (fused_is_faster(input)) return Way::fused;
  return factored_is_faster(input) ? Way::factored : Way::dense;
}

at::Tensor CustomSeparable::forward(const at::Tensor& input, const at::Tensor& log_speed) {
  switch (fastest(input)) {
    case Way::fused:
      return fused(input, log_speed);
    case Way::factored:
      return factored(input, log_speed);
    case Way::dense:
      break;
  }
  return dense(input, log_speed);
}

}  // namespace plexiform::layers

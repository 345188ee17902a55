// One layer of the space-then-time core.
//   s = space * x                       depth-separable: out * (space (*) (in * x)), with in and out 1 x 1 px
//   y = f(norm(time * s))               no `time` for kernels of 1 bin
//   y = y sigmoid(W2 relu(W1 z))        squeeze and excite; z[b,f,t] the mean of y over the frame
//   y = y + x                           residual; the last bins of x
// *  mixes channels, (*) keeps each to itself; depth-separable, so does time.
#pragma once

#include <ATen/ops/mean.h>
#include <plexiform/layers/convolution.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include "knobs.h"

namespace space_then_time {

using plexiform::Shape;

// Linear layers on the mean of each channel over the frame. Each bin on its own: a mean over the clip would see the
// future.
struct SqueezeExcite final : torch::nn::Module {
  SqueezeExcite(int64_t channels, int64_t reduction) {
    const int64_t units = std::max<int64_t>(1, channels / reduction);
    squeeze = register_module("squeeze", torch::nn::Linear(channels, units));
    excite = register_module("excite", torch::nn::Linear(units, channels));
  }
  at::Tensor forward(const at::Tensor& maps) {
    const auto seen = maps.mean({3, 4}).transpose(1, 2);  // (B, T, F)
    const auto gain = excite->forward(squeeze->forward(seen).relu()).sigmoid();
    return maps * gain.transpose(1, 2).unsqueeze(3).unsqueeze(4);
  }
  torch::nn::Linear squeeze = nullptr, excite = nullptr;
};

struct Layer final : torch::nn::Module {
  Layer(const Params& p, size_t index)
      : size{.inputs = p.channels[index],
             .outputs = p.channels[index + 1],
             .bins = p.bins(index),
             .height = p.spatial_kernel_sizes[index],
             .width = p.spatial_kernel_sizes[index],
             .padding = p.padding(index)},
        separable(p.depth_separable && index > 0),
        residual(p.residual && index > 0),
        nonlinearity(p.final_nonlinearity || index + 1 < p.layer_count() ? p.nonlinearity : "Identity"),
        before(size.padding.in_time(size.bins)),
        height(size.padding.in_height(size.height)),
        width(size.padding.in_width(size.width)),
        window(size.bins, before.before) {
    const int64_t in = size.inputs, out = size.outputs;
    if (separable) mix_in = kernel("in_depth_conv", {out, in, 1, 1, 1});
    space = kernel("spatial_conv", {out, separable ? 1 : in, 1, size.height, size.width});
    if (separable) mix_out = kernel("out_depth_conv", {out, out, 1, 1, 1});
    if (size.bins > 1) time = kernel("time_conv", {out, separable ? 1 : out, size.bins, 1, 1});
    norm = register_module("norm",
                           torch::nn::BatchNorm3d(torch::nn::BatchNormOptions(out).momentum(p.batch_norm_momentum)));
    if (p.layer_count() - index <= static_cast<size_t>(p.squeeze_excite_layers)) {
      attention = register_module("squeeze_excite", std::make_shared<SqueezeExcite>(out, p.squeeze_reduction));
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    auto x = in_space(input);
    if (time.defined()) x = layers::convolve(x, time, before, none, none, groups());
    return finished(x, input);
  }
  // With more zeros before a clip than a kernel is long there are bins without a frame.
  bool streams() const { return !time.defined() || before.before < size.bins; }
  // (B, C, H, W) -> (B, C', H', W'); undefined while the kernel is longer than what came.
  at::Tensor step(const at::Tensor& frame) {
    const auto input = frame.unsqueeze(2);
    auto x = in_space(input);
    if (time.defined()) {
      const auto bins = window.push(x.squeeze(2));
      if (!bins.defined()) return bins;
      x = layers::convolve(bins, time, none, none, none, groups());
    }
    return finished(x, input).squeeze(2);
  }

  // An extent below 1: the kernel is longer than the padded input.
  Shape output_shape(const Shape& in) const {
    const int64_t zeros = time.defined() ? before.total() : 0;
    return {size.outputs, in.time + zeros - size.bins + 1, in.height + height.total() - size.height + 1,
            in.width + width.total() - size.width + 1};
  }

  const layers::ConvolutionSize size;
  const bool separable, residual;
  const std::string nonlinearity;
  const layers::Zeros before, height, width;
  at::Tensor mix_in, space, mix_out, time;
  torch::nn::BatchNorm3d norm = nullptr;
  std::shared_ptr<SqueezeExcite> attention;
  layers::Window window;  // of what step() has seen

 private:
  static constexpr layers::Zeros none = {};
  int64_t groups() const { return separable ? size.outputs : 1; }

  at::Tensor in_space(const at::Tensor& input) {
    auto x = separable ? layers::convolve(input, mix_in, none, none, none) : input;
    x = layers::convolve(x, space, none, height, width, groups());
    return separable ? layers::convolve(x, mix_out, none, none, none) : x;
  }
  at::Tensor finished(const at::Tensor& maps, const at::Tensor& input) {
    auto x = layers::activate(nonlinearity, norm->forward(maps));
    if (attention) x = attention->forward(x);
    return residual ? x + input.slice(2, input.size(2) - x.size(2)) : x;
  }

  at::Tensor kernel(const char* name, std::vector<int64_t> shape) {
    auto owner = register_module(name, std::make_shared<torch::nn::Module>(name));
    return owner->register_parameter("weight", torch::nn::init::xavier_normal_(torch::empty(shape)));
  }
};

}  // namespace space_then_time

// One layer of the recurrent core: convolution, batch norm with or without gain and offset, nonlinearity; the names of
// its parts are those of the saved state.
#pragma once

#include <plexiform/layers/channels.h>
#include <torch/nn/modules/batchnorm.h>

#include "knobs.h"

namespace conv_gru {

struct Layer final : torch::nn::Module {
  Layer(const Params& p, size_t index, bool openretina) : nonlinearity(activation(p, index, openretina)) {
    const int64_t side = p.spatial_kernel_sizes.of(index);
    const layers::ConvolutionSize size = {.inputs = p.channels[index],
                                          .outputs = p.channels[index + 1],
                                          .bins = p.temporal_kernel_sizes.of(index),
                                          .height = side,
                                          .width = side,
                                          .padding = openretina ? imitated(p, index) : padding(p, index)};
    conv = register_module("conv", layers::make_convolution(p.convolution_type, size, openretina));
    if (!p.batch_norm) return;
    const bool both = p.bias && p.batch_norm_scale;
    const auto options = torch::nn::BatchNormOptions(size.outputs).momentum(p.batch_norm_momentum).affine(both);
    norm = register_module("norm", torch::nn::BatchNorm3d(options));
    if (p.bias && !both) bias = register_module("bias", std::make_shared<layers::Bias>(size.outputs));
    if (p.batch_norm_scale && !both) scale = register_module("scale", std::make_shared<layers::Scale>(size.outputs));
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& log_speed) {
    return activate(conv->forward(input, log_speed));
  }
  // (B, C, H, W) -> (B, C', H', W'); undefined while the kernel is longer than what came.
  at::Tensor step(const at::Tensor& frame) {
    const auto maps = conv->step(frame);
    return maps.defined() ? activate(maps.unsqueeze(2)).squeeze(2) : maps;
  }
  at::Tensor activate(at::Tensor x) {
    if (norm) x = norm->forward(x);
    if (bias) x = bias->forward(x);
    if (scale) x = scale->forward(x);
    return layers::activate(nonlinearity, x);
  }

  std::shared_ptr<layers::Convolution> conv;
  torch::nn::BatchNorm3d norm = nullptr;

 private:
  // openretina asks layer 0 for the final nonlinearity even when others follow.
  static std::string activation(const Params& p, size_t index, bool openretina) {
    const bool hidden = index + 1 < p.layer_count() && !(openretina && index == 0);
    return hidden || p.final_nonlinearity ? p.nonlinearity : "Identity";
  }

  // Time is padded by numbers only: `true` keeps height and width.
  static layers::Padding padding(const Params& p, size_t index) {
    const auto& asked = index == 0 ? p.input_padding : p.hidden_padding.of(index - 1);
    return asked.rule == layers::Padding::Rule::same ? layers::Padding::same_space() : asked;
  }

  // openretina takes any padding as yes or no, gives layer l what was computed for layer l - 1 and layer 1 nothing, and
  // lets even kernels grow the map.
  static layers::Padding imitated(const Params& p, size_t index) {
    auto asked = [](const layers::Padding& padding) {
      const auto& [time, height, width] = padding.sides;
      return padding.rule != layers::Padding::Rule::sides || time + height + width > 0;
    };
    layers::Padding none, halves;
    if (index == 0 ? !asked(p.input_padding) : index == 1 || !asked(p.hidden_padding.of(0))) return none;
    const int64_t half = p.spatial_kernel_sizes.of(index == 0 ? 0 : index - 1) / 2;
    halves.sides = {0, half, half};
    return halves;
  }

  const std::string nonlinearity;
  std::shared_ptr<layers::Bias> bias;
  std::shared_ptr<layers::Scale> scale;
};

}  // namespace conv_gru

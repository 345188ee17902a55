// One layer of the simple core: convolution, batch norm, bias, ELU, dropout, pool; the names of its
// parts are those of the saved state.
#pragma once

#include <ATen/ops/empty.h>
#include <plexiform/layers/batch_norm.h>
#include <plexiform/layers/channels.h>
#include <plexiform/layers/custom_separable.h>
#include <plexiform/layers/max_pool.h>
#include <plexiform/layers/rows.h>
#include <torch/nn/modules/batchnorm.h>

#include "knobs.h"

namespace simple {

using plexiform::Shape;

struct Layer final : torch::nn::Module {
  Layer(const Params& p, size_t index, bool openretina) : dropout(p.dropout_rate) {
    const bool grey = index == 0 && p.color_squashing_weights;
    const layers::ConvolutionSize size = {.inputs = grey ? 1 : p.channels[index],
                                          .outputs = p.channels[index + 1],
                                          .bins = p.temporal_kernel_sizes[index],
                                          .height = p.spatial_kernel_sizes[index],
                                          .width = p.spatial_kernel_sizes[index],
                                          .padding = index == 0 ? p.input_padding : p.hidden_padding.of(index - 1)};
    conv = register_module("conv", layers::make_convolution(p.convolution_type, size, openretina));
    norm = register_module("norm", torch::nn::BatchNorm3d(size.outputs));
    bias = register_module("bias", std::make_shared<layers::Bias>(size.outputs));
    const auto number = static_cast<int64_t>(index) + (openretina ? 0 : 1);
    pool = p.maxpool_every_n_layers && number % *p.maxpool_every_n_layers == 0;
  }

  at::Tensor forward(const at::Tensor& input) { return activate(conv->forward(input)); }
  // (B, C, H, W) -> (B, C', H', W'); undefined while the kernel is longer than what came.
  void start() {
    conv->start();
    frames = nullptr;
    fresh = true;
  }
  at::Tensor step(const at::Tensor& frame) {
    if (auto* separable = dynamic_cast<layers::CustomSeparable*>(conv.get()); fresh && separable && !is_training()) {
      frames = separable->frame_layer(statistics(), frame);
    }
    fresh = false;
    const auto maps = frames ? frames->step(frame) : conv->step(frame);
    if (!maps.defined()) return maps;
    if (!frames) return activate(maps.unsqueeze(2)).squeeze(2);
    return pool ? layers::max_pool_2x2(maps) : maps;
  }

  at::Tensor activate(at::Tensor maps) {
    if (is_training()) norm->num_batches_tracked.add_(1);
    auto x = layers::batch_norm_elu(std::move(maps), statistics());
    if (dropout > 0 && is_training()) x = x * kept_maps(x);
    return pool ? layers::max_pool_2x2(x) : x;
  }
  // Dropout of whole maps, (B, C, 1, 1, 1), with the draws of LibTorch's feature_dropout.
  at::Tensor kept_maps(const at::Tensor& x) const {
    const double kept = 1 - dropout;
    return layers::draw_rows(x.size(0), [&](int64_t rows) {
      return at::empty({rows, x.size(1), 1, 1, 1}, x.options()).bernoulli_(kept).div_(kept > 0 ? kept : 1);
    });
  }
  layers::BatchNorm statistics() const {
    return {.scale = norm->weight,
            .offset = norm->bias + bias->value().flatten(),
            .running_mean = norm->running_mean,
            .running_variance = norm->running_var,
            .training = is_training(),
            .momentum = *norm->options.momentum(),
            .eps = norm->options.eps()};
  }
  Shape output_shape(const Shape& in) const {
    const Shape out = conv->output_shape(in);
    return pool ? Shape{out.channels, out.time, out.height / 2, out.width / 2} : out;
  }

  std::shared_ptr<layers::Convolution> conv;
  torch::nn::BatchNorm3d norm = nullptr;
  std::shared_ptr<layers::Bias> bias;
  std::unique_ptr<layers::FrameLayer> frames;  // of a stream, where it fits
  bool fresh = true;                           // no frame since start()
  const double dropout;
  bool pool = false;
};

}  // namespace simple

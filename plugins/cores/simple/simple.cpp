// simple: a stack of space-time convolutions, each followed by batch norm, bias and ELU.
//   x[l] = pool(dropout(ELU(norm(W[l] (*) x[l-1]) + bias[l])))      dropout and pool where asked for
// Source: Höfling et al. 2024, eLife 13:e86860, as in openretina 1.1.1. State has that package's names, without what
// never changes: Laplace filters and `_log_speed_default`. Sound where it is not; with compat "openretina": time padded
// on both sides, pooling after layers 0, n, 2n, sparsity of layer 0 over all layers, smoothness of `separable` for
// layer 0 alone, and the batch-norm statistics that its shape probe leaves.
#include <ATen/ops/avg_pool3d.h>
#include <plexiform/abilities.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/layers/shape_checks.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

#include "layer.h"

namespace simple {

using plexiform::Error;
using plexiform::Shape;

struct Simple final : plexiform::CoreModule, plexiform::Streaming {
  using Params = simple::Params;

  Simple(const plexiform::CoreContext& context, const Params& params)
      : p(params), openretina_(context.compat == "openretina") {
    auto features = register_module("features", std::make_shared<torch::nn::Module>("features"));
    for (size_t i = 0; i < p.layer_count(); ++i) {
      stack.push_back(
          features->register_module("layer" + std::to_string(i), std::make_shared<Layer>(p, i, openretina_)));
    }
    if (p.color_squashing_weights) {
      squash = register_module("color_squashing_layer",
                               std::make_shared<layers::WeightedChannelSum>(*p.color_squashing_weights));
    }
    output_shape(context.stimulus);
    if (openretina_) imitate_shape_probe();
  }

  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override {
    auto x = prepared(stimulus);
    for (const auto& layer : stack) x = layer->forward(x);
    return p.cut_first_n_frames > 0 ? x.slice(2, p.cut_first_n_frames) : x;  // the gradient of a slice is a copy
  }

  void* ability(std::string_view name) override {
    const bool streams =
        std::all_of(stack.begin(), stack.end(), [](const auto& layer) { return layer->conv->streams(); });
    return streams ? plexiform::offer<plexiform::Streaming>(*this, name) : nullptr;
  }
  void start(int64_t) override {
    for (const auto& layer : stack) layer->start();
    to_cut_ = p.cut_first_n_frames;
  }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given&) override {
    auto x = squash || p.downsample_input_kernel_size ? prepared(frame.unsqueeze(2)).squeeze(2) : frame;
    for (const auto& layer : stack) {
      x = layer->step(x);
      if (!x.defined()) return x;
    }
    return to_cut_-- > 0 ? at::Tensor() : x;
  }

  Shape output_shape(const Shape& stimulus) const override {
    plexiform::layers::check_channels(p.stimulus_channels(), stimulus);
    Shape x = stimulus;
    if (const auto& block = p.downsample_input_kernel_size)
      x = {x.channels, x.time, x.height / (*block)[1], x.width / (*block)[2]};
    for (size_t i = 0; i < stack.size(); ++i) {
      const Shape out = stack[i]->output_shape(x);
      const auto layer = std::to_string(i);
      plexiform::layers::check_bins(out, x, "temporal_kernel_sizes." + layer);
      if (out.height < 1 || out.width < 1) {
        throw Error("spatial_kernel_sizes." + layer,
                    "is larger than what reaches it, " + std::to_string(x.height) + " x " + std::to_string(x.width) +
                        " px" + (stack[i]->pool ? ", or leaves nothing to pool" : ""),
                    "use smaller kernels, pool less, or pad");
      }
      x = out;
    }
    if (x.time <= p.cut_first_n_frames) {
      throw Error("cut_first_n_frames",
                  "is " + std::to_string(p.cut_first_n_frames) + ", but the layers leave " + std::to_string(x.time) +
                      " of the clip's " + std::to_string(stimulus.time) + " bins",
                  "use at most " + std::to_string(x.time - 1) + ", or a longer window");
    }
    x.time -= p.cut_first_n_frames;
    return x;
  }

  plexiform::Temporal temporal() const override {
    plexiform::Temporal all;
    for (const auto& layer : stack) {
      const auto one = layer->conv->temporal();
      all = {all.history + one.history, all.causal && one.causal};
    }
    return all;
  }

  at::Tensor penalty() override {
    const bool smooth_first_only = openretina_ && p.convolution_type == "separable";
    at::Tensor total;
    auto add = [&](double gamma, bool applies, auto&& term) {
      if (gamma > 0 && applies) total = total.defined() ? total + gamma * term() : gamma * term();
    };
    for (size_t i = 0; i < stack.size(); ++i) {
      const auto& conv = *stack[i]->conv;
      add(p.gamma_input, i == 0, [&] { return layers::spatial_roughness(conv.spatial_kernel()); });
      add(p.gamma_temporal, i == 0 || !smooth_first_only, [&] { return conv.temporal_roughness(); });
      add(p.gamma_in_sparse, i == 0 || openretina_, [&] { return layers::group_sparsity(conv.spatial_kernel()); });
      add(p.gamma_hidden, i > 0, [&] { return layers::group_sparsity(conv.spatial_kernel()); });
    }
    return total;
  }

 private:
  at::Tensor prepared(const at::Tensor& stimulus) const {
    const auto x = squash ? squash->forward(stimulus) : stimulus;
    return p.downsample_input_kernel_size ? at::avg_pool3d(x, *p.downsample_input_kernel_size) : x;
  }

  // openretina learns its output shape from a blank clip in training mode: the statistics move once
  // towards mean 0, variance 0, and dropout draws.
  void imitate_shape_probe() {
    for (auto& layer : stack) {
      layer->norm->running_var.fill_(0.9);
      layer->norm->num_batches_tracked.fill_(1);
      if (p.dropout_rate > 0) at::empty({1, layer->norm->options.num_features()}).bernoulli_(1 - p.dropout_rate);
    }
  }

  const Params p;
  const bool openretina_;
  int64_t to_cut_ = 0;  // of the bins that step() makes
  std::vector<std::shared_ptr<Layer>> stack;
  std::shared_ptr<layers::WeightedChannelSum> squash;
};

}  // namespace simple

PLEXIFORM_CORE(simple::Simple, "plexiform.cores.Simple", "a stack of space-time convolutions with batch norm and ELU",
               plexiform::Alias<&simple::openretina>{"openretina.modules.core.base_core.SimpleCoreWrapper"})

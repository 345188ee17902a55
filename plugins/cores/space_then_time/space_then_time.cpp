// space_then_time: layers whose kernels are a spatial and then a temporal convolution, with the options that deep cores of
// the field use; layer.h has the formulas. With kernels of one bin it is a 2-D core, frame by frame.
// Sources: space and time apart Tran et al. 2018, CVPR, arXiv:1711.11248 ("R(2+1)D"); depth-separable kernels Chollet 2017,
// CVPR, arXiv:1610.02357, in a core Lurz et al. 2021, ICLR, "Generalization in data-driven models of primary visual
// cortex"; squeeze and excite Hu et al. 2018, CVPR, arXiv:1709.01507, eq. 2-4; residual layers He et al. 2016, CVPR,
// arXiv:1512.03385, eq. 1. Frame by frame it is neuralpredictors 0.3.0's SE2dCore with `stack: -1`.
#include <plexiform/abilities.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/layers/shape_checks.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>

#include "layer.h"

namespace space_then_time {

using std::to_string;

struct SpaceThenTime final : plexiform::CoreModule, plexiform::Streaming {
  using Params = space_then_time::Params;

  SpaceThenTime(const plexiform::CoreContext& context, const Params& params) : p(params) {
    auto features = register_module("features", std::make_shared<torch::nn::Module>("features"));
    for (size_t i = 0; i < p.layer_count(); ++i) {
      stack.push_back(features->register_module("layer" + to_string(i), std::make_shared<Layer>(p, i)));
    }
    output_shape(context.stimulus);
  }

  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override {
    auto x = stimulus;
    for (const auto& layer : stack) x = layer->forward(x);
    return x;
  }

  void* ability(std::string_view name) override {
    const bool streams = std::all_of(stack.begin(), stack.end(), [](const auto& layer) { return layer->streams(); });
    return streams ? plexiform::offer<plexiform::Streaming>(*this, name) : nullptr;
  }
  void start(int64_t) override {
    for (const auto& layer : stack) layer->window.start();
  }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given&) override {
    auto x = frame;
    for (const auto& layer : stack) {
      x = layer->step(x);
      if (!x.defined()) return x;
    }
    return x;
  }

  Shape output_shape(const Shape& stimulus) const override {
    layers::check_channels(p.channels[0], stimulus);
    Shape x = stimulus;
    for (size_t i = 0; i < stack.size(); ++i) {
      const Shape out = stack[i]->output_shape(x);
      layers::check_bins(out, x, "temporal_kernel_sizes." + to_string(i));
      layers::check_frame(out, x, "spatial_kernel_sizes." + to_string(i));
      if (stack[i]->residual && (out.height != x.height || out.width != x.width || out.time > x.time)) {
        throw Error("residual", "is true, but layer " + to_string(i) + " turns " + x.text() + " into " + out.text(),
                    "use hidden_padding: same_space, or residual: false");
      }
      x = out;
    }
    return x;
  }

  plexiform::Temporal temporal() const override {
    plexiform::Temporal all;
    for (const auto& layer : stack) all.history += layer->size.bins - 1;
    return all;
  }

  at::Tensor penalty() override {
    at::Tensor total;
    auto add = [&](double gamma, bool applies, auto&& term) {
      if (gamma > 0 && applies) total = total.defined() ? total + gamma * term() : gamma * term();
    };
    for (size_t i = 0; i < stack.size(); ++i) {
      const auto& layer = *stack[i];
      add(p.gamma_input, i == 0, [&] { return layers::spatial_roughness(layer.space, {.zeros = 1}); });
      add(p.gamma_hidden, i > 0, [&] { return layers::group_sparsity(layer.space); });
      add(p.gamma_temporal, layer.time.defined(),
          [&] { return layers::temporal_roughness(layer.time.flatten(2), {.zeros = 1}); });
    }
    return total;
  }

 private:
  const Params p;
  std::vector<std::shared_ptr<Layer>> stack;
};

}  // namespace space_then_time

PLEXIFORM_CORE(space_then_time::SpaceThenTime, "plexiform.cores.SpaceThenTime",
               "spatial then temporal convolutions: depth-separable, residual, squeeze and excite",
               plexiform::Alias<>{"plexiform.cores.Factorised"})  // its name in bundles of earlier versions

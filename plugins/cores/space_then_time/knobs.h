// The knobs of the space-then-time core.
#pragma once

#include <plexiform/layers/activation.h>
#include <plexiform/layers/padding.h>

namespace space_then_time {

namespace layers = plexiform::layers;
using plexiform::Error;

struct Params {
  std::vector<int64_t> channels, spatial_kernel_sizes;
  std::optional<std::vector<int64_t>> temporal_kernel_sizes;
  layers::Padding input_padding;
  layers::Paddings hidden_padding = {{layers::Padding::same_space()}};
  bool depth_separable = false, residual = false;
  int64_t squeeze_excite_layers = 0, squeeze_reduction = 16;
  std::string nonlinearity = "ELU";
  bool final_nonlinearity = true;
  double batch_norm_momentum = 0.1;
  double gamma_input = 0, gamma_hidden = 0, gamma_temporal = 0;

  void describe(auto& knob) {
    knob("channels", channels,
         {.doc = "of the stimulus, then of each layer; the host fills it from hidden_channels",
          .min = 1,
          .required = true});
    knob("spatial_kernel_sizes", spatial_kernel_sizes,
         {.doc = "kernel side of each layer", .unit = "px", .min = 1, .required = true});
    knob("temporal_kernel_sizes", temporal_kernel_sizes,
         {.doc = "kernel length of each layer; null: 1, each frame on its own", .unit = "bins", .min = 1});
    knob("input_padding", input_padding, {.doc = "zeros around the stimulus"});
    knob("hidden_padding", hidden_padding,
         {.doc = "zeros around the input of the layers after layer 0, the same for all or one by one"});
    knob("depth_separable", depth_separable,
         {.doc = "after layer 0, kernels in space and time see one channel, and 1 x 1 convolutions mix channels"});
    knob("residual", residual, {.doc = "after layer 0, a layer adds to its input"});
    knob("squeeze_excite_layers", squeeze_excite_layers,
         {.doc = "last layers whose channels are scaled by what the whole frame shows", .min = 0});
    knob("squeeze_reduction", squeeze_reduction, {.doc = "channels per unit of that", .min = 1});
    knob("nonlinearity", nonlinearity, {.doc = "of the layers", .choices = layers::activations()});
    knob("final_nonlinearity", final_nonlinearity, {.doc = "a nonlinearity after the last layer too"});
    knob("batch_norm_momentum", batch_norm_momentum, {.doc = "of its running statistics", .min = 0, .max = 1});
    knob("gamma_input", gamma_input, {.doc = "weight of the spatial roughness of layer 0", .min = 0});
    knob("gamma_hidden", gamma_hidden, {.doc = "weight of the group sparsity of the layers after it", .min = 0});
    knob("gamma_temporal", gamma_temporal, {.doc = "weight of the temporal roughness of all layers", .min = 0});
  }

  size_t layer_count() const { return channels.size() - 1; }
  int64_t bins(size_t layer) const { return temporal_kernel_sizes ? (*temporal_kernel_sizes)[layer] : 1; }
  const layers::Padding& padding(size_t layer) const {
    return layer == 0 ? input_padding : hidden_padding.of(layer - 1);
  }

  void check() const {
    if (channels.size() < 2) {
      throw Error("channels", "has no layer", "give the stimulus' channels and those of at least one layer");
    }
    check_length("spatial_kernel_sizes", spatial_kernel_sizes.size(), layer_count());
    if (temporal_kernel_sizes) check_length("temporal_kernel_sizes", temporal_kernel_sizes->size(), layer_count());
    if (!hidden_padding.fits(layer_count() - 1))
      check_length("hidden_padding", hidden_padding.each.size(), layer_count() - 1);
    if (squeeze_excite_layers > std::ssize(channels) - 1) {
      throw Error("squeeze_excite_layers",
                  "is " + std::to_string(squeeze_excite_layers) + ", more than the layers that there are",
                  "use at most " + std::to_string(layer_count()));
    }
    if (gamma_hidden > 0 && depth_separable) {
      throw Error("gamma_hidden",
                  "is " + plexiform::knobs::number(gamma_hidden) + ", but a depth-separable kernel has one input",
                  "use gamma_hidden: 0, or depth_separable: false");
    }
    for (size_t i = 1; residual && i < layer_count(); ++i) {
      if (channels[i] == channels[i + 1]) continue;
      throw Error("residual",
                  "is true, but layer " + std::to_string(i) + " turns " + std::to_string(channels[i]) +
                      " channels into " + std::to_string(channels[i + 1]),
                  "give all layers the same channels, or use residual: false");
    }
  }

 private:
  static void check_length(const char* knob, size_t length, size_t wanted) {
    if (length == wanted) return;
    throw Error(knob, "has " + std::to_string(length) + " entries, not " + std::to_string(wanted),
                "give one per layer: as many as there are hidden channels");
  }
};

}  // namespace space_then_time

// The knobs of the simple core. Names, and the meaning of their numbers, are those of openretina's SimpleCoreWrapper.
// Its gammas were tuned to a loss summed over B samples, T' bins and N neurons: beside a loss that averages, divide them
// by B T' N.
#pragma once

#include <plexiform/layers/convolution.h>

namespace simple {

namespace layers = plexiform::layers;

struct Params {
  std::vector<int64_t> channels, temporal_kernel_sizes, spatial_kernel_sizes;
  double gamma_input = 0, gamma_temporal = 0, gamma_in_sparse = 0, gamma_hidden = 0;
  double dropout_rate = 0;
  int64_t cut_first_n_frames = 0;
  std::optional<int64_t> maxpool_every_n_layers;
  std::optional<std::vector<int64_t>> downsample_input_kernel_size;
  layers::Padding input_padding;
  layers::Paddings hidden_padding = {{layers::Padding::same_space()}};
  std::optional<std::vector<double>> color_squashing_weights;
  std::string convolution_type = "custom_separable";
  bool gammas_required = false;  // not a knob: openretina has no defaults for them

  void describe(auto& knob) {
    const bool must = gammas_required;
    knob("channels", channels,
         {.doc = "of the stimulus, then of each layer; the host fills it from hidden_channels",
          .min = 1,
          .required = true});
    knob("temporal_kernel_sizes", temporal_kernel_sizes,
         {.doc = "kernel length of each layer", .unit = "bins", .min = 1, .required = true});
    knob("spatial_kernel_sizes", spatial_kernel_sizes,
         {.doc = "kernel side of each layer", .unit = "px", .min = 1, .required = true});
    knob("gamma_input", gamma_input, {.doc = "weight of the spatial roughness of layer 0", .min = 0, .required = must});
    knob("gamma_temporal", gamma_temporal,
         {.doc = "weight of the temporal roughness of all layers", .min = 0, .required = must});
    knob("gamma_in_sparse", gamma_in_sparse,
         {.doc = "weight of the group sparsity of layer 0", .min = 0, .required = must});
    knob("gamma_hidden", gamma_hidden,
         {.doc = "weight of the group sparsity of the layers after it", .min = 0, .required = must});
    knob("dropout_rate", dropout_rate, {.doc = "share of the feature maps dropped while training", .min = 0, .max = 1});
    knob("cut_first_n_frames", cut_first_n_frames,
         {.doc = "dropped from the beginning of the output", .unit = "bins", .min = 0});
    knob("maxpool_every_n_layers", maxpool_every_n_layers,
         {.doc = "maximum over 2 x 2 px after every n layers", .min = 1});
    knob("downsample_input_kernel_size", downsample_input_kernel_size,
         {.doc = "mean over blocks [1, height, width] of the stimulus", .min = 1});
    knob("input_padding", input_padding, {.doc = "zeros around the stimulus"});
    knob("hidden_padding", hidden_padding,
         {.doc = "zeros around the input of the layers after layer 0, the same for all or one by one"});
    knob("color_squashing_weights", color_squashing_weights,
         {.doc = "the stimulus' channels are summed to one with these weights"});
    knob("convolution_type", convolution_type, {.doc = "kind of kernel", .choices = layers::convolution_types()});
  }

  size_t layer_count() const { return channels.size() - 1; }
  int64_t stimulus_channels() const {
    return color_squashing_weights ? std::ssize(*color_squashing_weights) : channels[0];
  }

  // The rules across knobs. Throws Error with the knob to change.
  void check() const;
};

// openretina's own defaults.
Params openretina();

}  // namespace simple

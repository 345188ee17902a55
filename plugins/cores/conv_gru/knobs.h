// The knobs of the recurrent core. Names, and the meaning of their numbers, are those of openretina's ConvGRUCore.
#pragma once

#include <plexiform/layers/activation.h>
#include <plexiform/layers/convolution.h>

namespace conv_gru {

namespace layers = plexiform::layers;

// A kernel size for all layers, or a list with one for each.
struct Sizes {
  std::vector<int64_t> each;
  bool for_all = false;

  int64_t of(size_t layer) const { return for_all ? each[0] : each[layer]; }
  static const char* type_name() { return "an integer above 0, or a list of them with one per layer"; }
};
void from_json(const plexiform::Json& json, Sizes& sizes);
void to_json(plexiform::Json& json, const Sizes& sizes);

struct GruParams {
  int64_t rec_channels = 0, input_kern = 3, rec_kern = 3, groups = 1;
  double gamma_rec = 0;
  bool pad_input = true;

  void describe(auto& knob) {
    knob("rec_channels", rec_channels, {.doc = "of the state", .min = 1, .required = true});
    knob("input_kern", input_kern, {.doc = "kernel side over the features", .unit = "px", .min = 1});
    knob("rec_kern", rec_kern, {.doc = "kernel side over the state", .unit = "px", .min = 1});
    knob("groups", groups, {.doc = "of channels that do not see each other", .min = 1});
    knob("gamma_rec", gamma_rec, {.doc = "weight of the mean |bias| of the recurrent gates", .min = 0});
    knob("pad_input", pad_input, {.doc = "keep the height and width of the features"});
  }
  static const char* type_name() { return "a mapping with rec_channels, input_kern, rec_kern, groups, ..."; }
};
void from_json(const plexiform::Json& json, GruParams& gru);
void to_json(plexiform::Json& json, const GruParams& gru);

struct Params {
  std::vector<int64_t> channels;
  Sizes temporal_kernel_sizes = {{21}, true}, spatial_kernel_sizes = {{14}, true};
  double gamma_input = 0, gamma_temporal = 0, gamma_in_sparse = 0, gamma_hidden = 0;
  bool final_nonlinearity = true, bias = true;
  layers::Padding input_padding;
  layers::Paddings hidden_padding = {{layers::Padding::same_space()}};
  bool batch_norm = true, batch_norm_scale = true;
  double batch_norm_momentum = 0.1;
  std::optional<int64_t> laplace_padding = 0;
  bool batch_adaptation = false, use_avg_reg = false;
  std::string nonlinearity = "ELU", convolution_type = "custom_separable";
  bool use_gru = false, use_projections = false;
  std::optional<GruParams> gru_kwargs;
  bool openretina = false;  // not a knob: more kernel sizes than layers are passed over
  bool legacy = false;      // not a knob: without ConvGRUCore's quirks, whatever compat says, and layer 0 may be dense

  void describe(auto& knob) {
    knob("channels", channels,
         {.doc = "of the stimulus, then of each layer; the host fills it from hidden_channels",
          .min = 1,
          .required = true});
    knob("temporal_kernel_sizes", temporal_kernel_sizes, {.doc = "kernel length", .unit = "bins"});
    knob("spatial_kernel_sizes", spatial_kernel_sizes, {.doc = "kernel side", .unit = "px"});
    knob("gamma_input", gamma_input, {.doc = "weight of the spatial roughness of layer 0", .min = 0});
    knob("gamma_temporal", gamma_temporal, {.doc = "weight of the temporal roughness of all layers", .min = 0});
    knob("gamma_in_sparse", gamma_in_sparse,
         {.doc = "weight of the group sparsity of the space-time kernels of layer 0", .min = 0});
    knob("gamma_hidden", gamma_hidden,
         {.doc = "weight of the group sparsity of the spatial kernels of all layers", .min = 0});
    knob("final_nonlinearity", final_nonlinearity, {.doc = "a nonlinearity after the last layer too"});
    knob("bias", bias, {.doc = "an offset per channel, of the batch norm"});
    knob("input_padding", input_padding, {.doc = "zeros around the stimulus; true: height and width stay"});
    knob("hidden_padding", hidden_padding,
         {.doc = "zeros around the input of the layers after layer 0; true: height and width stay"});
    knob("batch_norm", batch_norm, {.doc = "normalise each channel over the batch"});
    knob("batch_norm_scale", batch_norm_scale, {.doc = "a gain per channel, of the batch norm"});
    knob("batch_norm_momentum", batch_norm_momentum, {.doc = "of its running statistics", .min = 0, .max = 1});
    knob("laplace_padding", laplace_padding,
         {.doc = "zeros around the kernel whose roughness is measured; null: one", .unit = "px", .min = 0});
    knob("batch_adaptation", batch_adaptation, {.doc = "one speed per session, which stretches temporal kernels"});
    knob("use_avg_reg", use_avg_reg, {.doc = "spatial roughness from means instead of sums"});
    knob("nonlinearity", nonlinearity, {.doc = "of the layers", .choices = layers::activations()});
    knob("convolution_type", convolution_type, {.doc = "kind of kernel", .choices = layers::convolution_types()});
    knob("use_gru", use_gru, {.doc = "a convolutional GRU after the layers"});
    knob("use_projections", use_projections, {.doc = "a 1 x 1 x 1 convolution and a nonlinearity after layer 0"});
    knob("gru_kwargs", gru_kwargs, {.doc = "of the GRU; null: as many channels as its input, kernels of 3 px"});
  }

  size_t layer_count() const { return channels.size() - 1; }
  GruParams gru() const {
    GruParams usual;
    usual.rec_channels = channels.back();
    return gru_kwargs.value_or(usual);
  }

  // The rules across knobs. Throws Error with the knob to change.
  void check() const;
};

struct ConditionedParams : Params {
  int64_t cond_dim = 0;
  std::string conditioning = "conditioning";

  void describe(auto& knob) {
    knob("cond_dim", cond_dim, {.doc = "numbers that modulate the layers", .min = 1, .required = true});
    knob("conditioning", conditioning, {.doc = "what the data call the traces that do"});
    Params::describe(knob);
  }
};

// openretina's own defaults.
Params openretina();
Params legacy();  // of the class before ConvGRUCore
ConditionedParams openretina_conditioned();

}  // namespace conv_gru

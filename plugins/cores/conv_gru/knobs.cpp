#include "knobs.h"

#include <plexiform/error.h>

namespace conv_gru {

using plexiform::Error;
using plexiform::Json;
using plexiform::knobs::number;
using std::to_string;

void from_json(const Json& json, Sizes& sizes) {
  sizes = {{}, !json.is_array()};
  for (const auto& item : sizes.for_all ? Json::array({json}) : json) {
    if (!item.is_number_integer() || item.get<int64_t>() < 1) throw std::invalid_argument("");
    sizes.each.push_back(item.get<int64_t>());
  }
}

void to_json(Json& json, const Sizes& sizes) {
  if (sizes.for_all) {
    json = sizes.each[0];
  } else {
    json = sizes.each;
  }
}

void from_json(const Json& json, GruParams& gru) {
  try {
    plexiform::read_params(gru, json);
  } catch (const Error& e) {
    throw Error(e.where().empty() ? "gru_kwargs" : "gru_kwargs." + e.where(), e.problem(), e.fix());
  }
}

void to_json(Json& json, const GruParams& gru) { json = plexiform::write_params(gru); }

namespace {

void check_gru(const GruParams& gru, int64_t inputs) {
  auto odd = [](const char* knob, int64_t kernel) {
    if (kernel % 2 == 1) return;
    throw Error(knob, "is " + to_string(kernel) + ", and an even kernel does not keep the size of the state",
                "use " + to_string(kernel - 1) + " or " + to_string(kernel + 1));
  };
  odd("gru_kwargs.rec_kern", gru.rec_kern);
  if (gru.pad_input) odd("gru_kwargs.input_kern", gru.input_kern);
  if (inputs % gru.groups != 0 || gru.rec_channels % gru.groups != 0) {
    throw Error("gru_kwargs.groups",
                "is " + to_string(gru.groups) + ", which does not divide " + to_string(inputs) + " features and " +
                    to_string(gru.rec_channels) + " channels of the state",
                "use 1, or a divisor of both");
  }
}

}  // namespace

void Params::check() const {
  if (channels.size() < 2) {
    throw Error("channels", "has no layer", "give the stimulus' channels and those of at least one layer");
  }
  auto check_length = [&](const char* knob, const Sizes& sizes) {
    const size_t n = sizes.each.size();
    if (sizes.for_all || n == layer_count() || (openretina && n > layer_count())) return;
    throw Error(knob, "has " + to_string(n) + " entries, not " + to_string(layer_count()),
                "give one number for all layers, or one per layer: as many as there are hidden channels");
  };
  check_length("temporal_kernel_sizes", temporal_kernel_sizes);
  check_length("spatial_kernel_sizes", spatial_kernel_sizes);
  if (!hidden_padding.fits(layer_count() - 1)) {
    throw Error("hidden_padding",
                "has " + to_string(hidden_padding.each.size()) + " entries, not " + to_string(layer_count() - 1),
                "give one padding for all layers after layer 0, or one for each");
  }
  const bool sines = convolution_type == "custom_separable", timeless = convolution_type == "time_independent";
  for (size_t i = 0; i < layer_count(); ++i) {
    const int64_t bins = temporal_kernel_sizes.of(i);
    if (bins >= 3 || !(sines || (gamma_temporal > 0 && !timeless))) continue;
    throw Error(temporal_kernel_sizes.for_all ? "temporal_kernel_sizes" : "temporal_kernel_sizes." + to_string(i),
                "is " + to_string(bins),
                sines ? "use at least 3 bins with custom_separable, or convolution_type: full"
                      : "use at least 3 bins, or gamma_temporal: 0: so short a kernel has no roughness");
  }
  if (gamma_temporal > 0 && timeless && !openretina) {
    throw Error("gamma_temporal",
                "is " + number(gamma_temporal) + ", but time_independent has no temporal kernel to smooth",
                "use gamma_temporal: 0, or another convolution_type");
  }
  if (gamma_input > 0 && spatial_kernel_sizes.of(0) + 2 * laplace_padding.value_or(1) < 3) {
    throw Error("gamma_input",
                "is " + number(gamma_input) + ", but a kernel of " + to_string(spatial_kernel_sizes.of(0)) +
                    " px has no roughness",
                "use gamma_input: 0, laplace_padding: 1, or a larger kernel in layer 0");
  }
  if (use_gru) check_gru(gru(), channels.back());
}

Params openretina() {
  Params params;
  params.openretina = true;
  return params;
}

Params legacy() {
  Params params;
  params.legacy = params.batch_adaptation = true;
  return params;
}

ConditionedParams openretina_conditioned() {
  ConditionedParams params;
  params.openretina = true;
  return params;
}

}  // namespace conv_gru

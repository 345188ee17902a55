#include "knobs.h"

#include <plexiform/error.h>

namespace simple {

using plexiform::Error;
using std::to_string;

namespace {

void check_length(const char* knob, size_t length, size_t layers) {
  if (length == layers) return;
  throw Error(knob, "has " + to_string(length) + " entries, not " + to_string(layers),
              "give one per layer: as many as there are hidden channels");
}

}  // namespace

void Params::check() const {
  if (channels.size() < 2) {
    throw Error("channels", "has no layer", "give the stimulus' channels and those of at least one layer");
  }
  check_length("temporal_kernel_sizes", temporal_kernel_sizes.size(), layer_count());
  check_length("spatial_kernel_sizes", spatial_kernel_sizes.size(), layer_count());
  if (!hidden_padding.fits(layer_count() - 1)) {
    throw Error("hidden_padding",
                "has " + to_string(hidden_padding.each.size()) + " entries, not " + to_string(layer_count() - 1),
                "give one padding for all layers after layer 0, or one for each");
  }
  if (color_squashing_weights && channels[0] != 1 && channels[0] != std::ssize(*color_squashing_weights)) {
    throw Error("color_squashing_weights",
                "has " + to_string(color_squashing_weights->size()) + " entries, not " + to_string(channels[0]),
                "give one weight per channel of the stimulus");
  }
  if (const auto& block = downsample_input_kernel_size; block && (block->size() != 3 || block->front() != 1)) {
    throw Error("downsample_input_kernel_size", "is not [1, height, width]",
                "give three numbers, the first of them 1: predictions come at the rate of the responses");
  }
  const bool sines = convolution_type == "custom_separable", timeless = convolution_type == "time_independent";
  for (size_t i = 0; i < temporal_kernel_sizes.size(); ++i) {
    const int64_t bins = temporal_kernel_sizes[i];
    if (bins < 3 && (sines || (gamma_temporal > 0 && !timeless))) {
      throw Error("temporal_kernel_sizes." + to_string(i), "is " + to_string(bins),
                  sines ? "use at least 3 bins with custom_separable, or convolution_type: full"
                        : "use at least 3 bins, or gamma_temporal: 0: so short a kernel has no roughness");
    }
  }
  if (gamma_temporal > 0 && timeless) {
    throw Error(
        "gamma_temporal",
        "is " + plexiform::knobs::number(gamma_temporal) + ", but time_independent has no temporal kernel to smooth",
        "use gamma_temporal: 0, or another convolution_type");
  }
  if (gamma_input > 0 && spatial_kernel_sizes[0] < 3) {
    throw Error("gamma_input",
                "is " + plexiform::knobs::number(gamma_input) + ", but a kernel of " +
                    to_string(spatial_kernel_sizes[0]) + " px has no roughness",
                "use gamma_input: 0, or at least 3 px for spatial_kernel_sizes.0");
  }
}

Params openretina() {
  Params params;
  params.gammas_required = true;
  params.cut_first_n_frames = 30;
  params.hidden_padding = {{layers::Padding::same()}};
  return params;
}

}  // namespace simple

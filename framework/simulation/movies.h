// The movies that the simulated retina watches: white noise and a moving texture.
// Notation  T frames, H x W pixels (row 0 on top). A movie is (1, T, H, W) uint8; the contrast of a
//           pixel is grey / 127.5 - 1.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace plexiform::simulation {

// Binary white noise: every pixel of every frame is black or white (contrast -1 or 1), whatever the
// others are.
at::Tensor white_noise(int64_t frames, int64_t height, int64_t width, at::Generator random);

// Scenes of 120 frames. A scene is a texture with the 1/f^2 power spectrum of natural images; it
// drifts in a direction of its own, and a small random step displaces it in every frame, as the
// eye's own movements do. Contrast: mean 0, standard deviation 0.3 over many scenes; what is beyond
// -1 or 1 is clipped.
// Source  spectrum: Field 1987, J. Opt. Soc. Am. A 4:2379.
at::Tensor moving_texture(int64_t frames, int64_t height, int64_t width, at::Generator random);

// (1, T, H, W) uint8 -> (T, H, W) float64 in -1 to 1.
at::Tensor contrast(const at::Tensor& movie);

}  // namespace plexiform::simulation

// Cells for movies of any size: a Gaussian receptive field, a short biphasic filter, Poisson spikes. A model can learn
// them; cells.h has the ones whose truth is told.
//   drive_n(t) = sum_l temporal(l) <spatial_n, contrast(t - l)>,   rate_n(t) = softplus(2 drive_n(t) - 1) / 2
// The contrast is (pixel - mean) / s.d. of the movie; a fixed random half of the cells is OFF.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace plexiform::simulation {

// Random numbers that do not depend on each other, by number.
at::Generator layout_stream(int64_t seed, int64_t number);

class Watchers {
 public:
  Watchers(int64_t neurons, int64_t height, int64_t width, at::Generator random);
  // (T, H, W) of any dtype -> (N, T) float32, expected spikes per frame; `lags` false: each frame on its own.
  at::Tensor rates(const at::Tensor& movie, bool lags = true) const;
  at::Tensor field(int64_t cell) const { return spatial_[cell].view({height_, width_}); }  // its receptive field

 private:
  const int64_t height_, width_;
  at::Tensor spatial_;  // (N, H W) float32, sum of squares 1
};

// (count, H, W) uint8: textures with the spectrum of natural images, each another one.
at::Tensor still_images(int64_t count, int64_t height, int64_t width, at::Generator random);

// A restless eye: `frames` positions in whole pixels, (T, 2) int64, small steps within `range` px of (0, 0).
at::Tensor gaze(int64_t frames, int64_t range, at::Generator random);

}  // namespace plexiform::simulation

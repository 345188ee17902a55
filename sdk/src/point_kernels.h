// The loops of at_points() (plexiform/layers/points.h) for one point. No LibTorch.
// Pixels lie as lines of numbers that a vector runs along, filled up with zeros to a multiple of `lanes`: of each channel a
// line of bins, whose sum is the output; or one line of channels, of which the output is the sum.
#pragma once

#include <cstdint>

#include "processor.h"

namespace plexiform::point_kernels {

constexpr int64_t lanes = 8;

struct Lines {
  bool of_bins;
  int64_t count, length;  // of a pixel; the length is a multiple of lanes
  int64_t pixel() const { return count * length; }
};

// The four pixels around a point, of zeros where they are off the map.
struct Corners {
  const float* pixel[4];
  float share[4];
};

struct Kernels {
  // y[t] = sum_c w[c] sum_q share[q] pixel[q][c][t], or y[0] = sum_q,c
  void (*forward)(const Lines&, const Corners&, const float* w, float* y);
  // dw += , and of_share[q] =
  void (*backward)(const Lines&, const Corners&, const float* w, const float* dy, float* dw, float* of_share);
  // of_pixel[q] += ; two of them may be the same
  void (*of_pixels)(const Lines&, const float* share, const float* w, const float* dy, float* const* of_pixel);
};

// AVX2 with FMA, or plain C++.
const Kernels& kernels();

Choice<Kernels> all_kernels();

}  // namespace plexiform::point_kernels

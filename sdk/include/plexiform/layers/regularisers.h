// Penalties on kernels, unweighted scalars with live gradients. Each sum runs over all kernels at
// once: one ratio, not a mean of ratios. Source: openretina 1.1.1, whose constants they keep.
// Notation  O, I output and input channels; ... any leading axes.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// What beside the kernel itself a roughness depends on.
struct Roughness {
  int64_t zeros = 0;  // on each side of every filtered axis, which is then a kernel that has to end softly
  bool mean = false;  // of the squares, above and below the bar, instead of their sums
};

// |L * w|^2 / (|w|^2 + 1e-6), w (..., h, w) with h, w >= 3 zeros included; L the five-point Laplacian (4, four
// neighbours -1).
at::Tensor spatial_roughness(const at::Tensor& kernel, const Roughness& how = {});

// The same along time: w (..., t) with t >= 3 zeros included, second difference (-1, 2, -1).
at::Tensor temporal_roughness(const at::Tensor& kernel, const Roughness& how = {});

// Spatial roughness, with one zero around the kernel, that hardly counts in the middle: (1 - g) (L * w) for L * w, g the
// bump below with sigma a quarter of the shorter side.
at::Tensor surround_roughness(const at::Tensor& kernel, bool mean = false);

// exp(-r^2 / 2 sigma^2) around the middle of rows x columns, moved and scaled to go from 0 to 1; of 2 pixels at
// least. float32.
at::Tensor gaussian_bump(int64_t rows, int64_t columns, double sigma);

// The Laplacian of maps (..., h, w) by a filter of 3 x 3, 5 x 5 or 7 x 7 px, with zeros around each map so that it
// keeps its size. The filters of 5 and 7 px have a negative centre, that of 3 px a positive one.
at::Tensor laplacian(const at::Tensor& maps, int64_t side = 3);

// sum_k (q_k sin_k)^2 + (q_k cos_k)^2, summed over I and averaged over O; coefficients (O, I, K), q
// from 0.1 to 0.9 evenly.
at::Tensor frequency_roughness(const at::Tensor& sines, const at::Tensor& cosines);

// sum_o [ sum_i |w_oi| ] / |w_o|, kernels (O, I, ...): small when an output listens to few inputs.
// |x| = sqrt(x^2 + eps), so that a kernel of zeros has a gradient; eps is `above` or `below` the bar.
at::Tensor group_sparsity(const at::Tensor& kernel, double above = 1e-10, double below = 1e-8);

}  // namespace plexiform::layers

// Penalties on kernels, unweighted scalars with live gradients. Each sum runs over all kernels at
// once: one ratio, not a mean of ratios. Source: openretina 1.1.1, whose constants they keep.
// Notation  O, I output and input channels; ... any leading axes.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// |L * w|^2 / (|w|^2 + 1e-6), w (..., h, w) with h, w >= 3; L the five-point Laplacian (4, four
// neighbours -1), valid only.
at::Tensor spatial_roughness(const at::Tensor& kernel);

// The same of kernels (O, I, h, w) with `padding` zeros around each, so that an edge that is cut off counts. spare_centre:
// L * w times 1 - g, g the Gaussian window of the kernel's size, its deviation a quarter of the shorter side, stretched to
// reach from 0 to 1; needs a padding of 1.
at::Tensor padded_roughness(const at::Tensor& kernel, int64_t padding, bool spare_centre);

// The same along time: w (..., t) with t >= 3, second difference (-1, 2, -1).
at::Tensor temporal_roughness(const at::Tensor& kernel);

// sum_k (q_k sin_k)^2 + (q_k cos_k)^2, summed over I and averaged over O; coefficients (O, I, K), q
// from 0.1 to 0.9 evenly.
at::Tensor frequency_roughness(const at::Tensor& sines, const at::Tensor& cosines);

// sum_o [ sum_i |w_oi| ] / |w_o|, kernels (O, I, ...): small when an output listens to few inputs.
// |x| = sqrt(x^2 + eps) with eps 1e-10 above and 1e-8 below, so that a kernel of zeros has a
// gradient.
at::Tensor group_sparsity(const at::Tensor& kernel);

}  // namespace plexiform::layers

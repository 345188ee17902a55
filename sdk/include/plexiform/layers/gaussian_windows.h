// Gaussian windows on feature maps, one for each neuron.
//   window[n,i,j] ~ exp(-d / 2),  d = min(|g(i,j) - centres[n]|^2 / v[n], farthest),  sum_ij window = 1
//   v[n] = exp(log_variances[n], within -20 .. 20) + 1e-8
// g: pixel (row, column), the longer side from -1 to 1. Without `farthest` a window is a row profile times a column profile, each
// a softmax, so that one between pixels, or off the map, keeps its gradient.
// Source: Höfling et al. 2024, eLife 13:e86860.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace plexiform::layers {

//   centres        (N, 2): row, column
//   log_variances  (N)
//   farthest       of the distance, in s.d.^2: what lies beyond it counts as it
//   returns        (N, H, W); c10::ValueError where shapes do not fit
// On the CPU in float32 a kernel of our own, of which the operators below are the reference: thirty of them, each way, take
// longer than what they do for a session's few neurons.
at::Tensor gaussian_windows(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height, int64_t width,
                            std::optional<double> farthest = {});
at::Tensor gaussian_windows_by_operators(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height,
                                         int64_t width, std::optional<double> farthest = {});

}  // namespace plexiform::layers

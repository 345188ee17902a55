// Feature maps read at points, as a readout of many neurons reads them: the values at the points are weighted and summed as
// they are read, and never lie in memory.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// y[b,t,n] = sum_c weights[c,n] x[b,c,t](points[d,n])      x(p): bilinear between pixels, 0 off the map
//   x        (B, C, T, H, W)
//   points   (D, N, 2): (column, row), from -1 to 1 between the centres of the outer pixels (align_corners) or their outer
//            edges, as at::grid_sampler_2d has them. D = 1; or B, each sample its own; or B T, each bin of each sample
//   weights  (C, N)
//   returns  (B, T, N); c10::ValueError where shapes do not fit
// On the CPU in float32 kernels of our own, of which the operators below are the reference.
at::Tensor at_points(const at::Tensor& x, const at::Tensor& points, const at::Tensor& weights, bool align_corners);
at::Tensor at_points_by_operators(const at::Tensor& x, const at::Tensor& points, const at::Tensor& weights,
                                  bool align_corners);

}  // namespace plexiform::layers

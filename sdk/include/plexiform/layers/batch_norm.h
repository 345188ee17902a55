// Batch norm and ELU of feature maps.
//   y = ELU(z),  z = scale[c] (x - mean[c]) / sqrt(variance[c] + eps) + offset[c],  ELU(z) = z > 0 ? z : exp(z) - 1
// mean and variance: while training those of the batch, over B, T, H and W, by which the running ones are moved; else the
// running ones. Source: Ioffe and Szegedy 2015, arXiv:1502.03167; Clevert et al. 2015, arXiv:1511.07289.
// Notation  B batch, C channels, T time bins, H x W pixels.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

struct BatchNorm {
  at::Tensor scale, offset;  // (C)
  // (C), no gradient. While training: running += momentum (batch - running), of the variance its unbiased estimate.
  at::Tensor running_mean, running_variance;
  bool training = false;
  double momentum = 0.1, eps = 1e-5;
};

// (B, C, T, H, W) -> the same. Two ways to it: LibTorch's operators one after the other, and for contiguous float32 on the
// CPU a kernel that reads the maps once forward (twice while training) and twice backward. The result has the same bits
// for any number of threads. Where no gradient is recorded and nobody else holds x, the result takes its place.
at::Tensor batch_norm_elu(at::Tensor x, const BatchNorm& norm);

// By LibTorch's operators: the reference.
at::Tensor batch_norm_elu_by_operators(const at::Tensor& x, const BatchNorm& norm);

}  // namespace plexiform::layers

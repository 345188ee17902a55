// The product in which most of a readout's time goes.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// y[..,n] = sum_k x[..,k] weights[n,k] + bias[n], as at::linear() has it.
//   x        (.., K)
//   weights  (N, K)
//   bias     (N), or undefined for none
//   returns  (.., N); c10::Error where shapes do not fit
// LibTorch's product of matrices is MKL's, which on processors that are not Intel's knows no AVX-512; its convolutions are
// oneDNN's, which does (Zen 5: 116 and 270 GFLOP/s of 280). So there products of some size are 1 x 1 convolutions.
at::Tensor product(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias = {});

// That way on any processor. The rows of x are told oneDNN as `images` of equal size, at least 16: of fewer, with one
// thread, LibTorch makes a product of matrices again.
at::Tensor product_by_convolution(const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias,
                                  int64_t images);

}  // namespace plexiform::layers

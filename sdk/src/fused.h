// The factored convolution of factored/factored.h as a differentiable operator.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/layers/padding.h>

#include "factored/factored.h"

namespace plexiform::layers {

struct FusedMemory {  // of one layer, allocated once and kept
  at::Tensor maps;
};

// (B, I, T, H, W) with kernels temporal (O, I, kt), spatial (O, I, 1, kh, kw)
factored::Problem fused_problem(at::IntArrayRef input, at::IntArrayRef temporal, at::IntArrayRef spatial, Zeros time,
                                Zeros height, Zeros width);

// What a backward pass through the result would have to give.
factored::Wanted fused_wanted(const at::Tensor& input, const at::Tensor& temporal, const at::Tensor& spatial);

// CPU tensors of one dtype, float or double; threads as at::get_num_threads() says, the same bits for the same number.
// The backward pass can itself be differentiated, by way of the assembled kernel.
at::Tensor convolve_fused(const at::Tensor& input, const at::Tensor& temporal, const at::Tensor& spatial, Zeros time,
                          Zeros height, Zeros width, FusedMemory& memory);

}  // namespace plexiform::layers

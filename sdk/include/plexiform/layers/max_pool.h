// The largest of each square of 2 x 2 pixels; a last row or column that has no partner is left out. (.., H, W) -> (.., H / 2, W / 2).
//   y[h,w] = max(x[2h,2w], x[2h,2w+1], x[2h+1,2w], x[2h+1,2w+1])     of equal numbers the first has the gradient, where one is NaN the last
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// Of 4 or 5 axes. On the CPU in float32 a kernel that is many times faster than LibTorch's, which is the reference.
at::Tensor max_pool_2x2(const at::Tensor& x);

}  // namespace plexiform::layers

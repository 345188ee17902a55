// Which tensors our kernels take; others go through LibTorch's operators.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

inline bool float_on_cpu(const at::Tensor& x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat; }

}  // namespace plexiform::layers

// pass(0) .. pass(parts - 1) on LibTorch's threads. Not at::parallel_for, which is serial in a file compiled without
// OpenMP: plugins need no flags so.
#pragma once

#include <c10/util/Exception.h>
#include <torch/csrc/stable/c/shim.h>

#include <type_traits>

namespace plexiform::layers {

template <class Pass>
void in_parallel(int64_t parts, Pass&& pass) {
  auto run = [](int64_t first, int64_t last, void* body) {
    for (int64_t part = first; part < last; ++part) (*static_cast<std::remove_reference_t<Pass>*>(body))(part);
  };
  TORCH_CHECK(torch_parallel_for(0, parts, 1, run, &pass) == AOTI_TORCH_SUCCESS);
}

// pass(k) for each k < units, of `numbers` in all: few are not worth waking other threads for.
template <class Pass>
void over_units(int64_t units, int64_t numbers, Pass&& pass) {
  if (numbers >= 1 << 15) return in_parallel(units, pass);
  for (int64_t k = 0; k < units; ++k) pass(k);
}

}  // namespace plexiform::layers

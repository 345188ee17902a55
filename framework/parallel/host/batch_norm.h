// Statistics of a batch whose rows several processes share. While a SharedStatistics lives,
//   aten::batch_norm              in training is over the rows of all ranks, whoever calls it; its running statistics too
//   plexiform::of_all_ranks(x)    gives kernels of their own (layers/batch_norm.h) what each rank has: (R, ...)
// Instance norm, which LibTorch builds upon batch norm, stays one row's own.
// Limits   CPU and CUDA, there with a copy to the CPU and back for each norm; gradients of gradients are refused.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

namespace plexiform::parallel {

class SharedStatistics {
 public:
  // of_all_ranks: (...) -> (R, ...), called by all ranks in the same order. At most one object at a time.
  explicit SharedStatistics(std::function<at::Tensor(const at::Tensor&)> of_all_ranks);
  ~SharedStatistics();

 private:
  struct Registration;
  std::unique_ptr<Registration> registration_;
};

}  // namespace plexiform::parallel

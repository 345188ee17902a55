// What predicted and recorded activity have to do with each other, without a pass over their numbers for each operator: a step
// of thousands of neurons takes as long as its passes over them. The Poisson cost takes one each way, correlations two.
// Notation  B batch, T time bins, N neurons.
#pragma once

#include <ATen/core/Tensor.h>

namespace plexiform::layers {

// sum over all of  prediction - target ln(prediction + eps), of which the gradient is  1 - target / (prediction + eps)
//   prediction, target  (B, T, N); c10::ValueError where their shapes differ
//   returns             a scalar. In float32 a block's numbers are summed in float32, blocks in double: the same bits for any
//                       number of threads
// On the CPU in float32, and where the target needs no gradient, kernels of our own, of which the operators below are the
// reference.
at::Tensor poisson_sum(const at::Tensor& prediction, const at::Tensor& target, double eps);
at::Tensor poisson_sum_by_operators(const at::Tensor& prediction, const at::Tensor& target, double eps);

// rho = cov(prediction, target) / sqrt((var(prediction) + eps) (var(target) + eps)) over the bins; population statistics
//   prediction, target  (B, T, N); c10::ValueError where their shapes differ
//   returns             (B, N)
//                       0 where one of them does not vary
// On the CPU in float32, and where no gradient of either is recorded, kernels of our own.
at::Tensor correlation_over_bins(const at::Tensor& prediction, const at::Tensor& target, double eps);
at::Tensor correlation_over_bins_by_operators(const at::Tensor& prediction, const at::Tensor& target, double eps);

}  // namespace plexiform::layers

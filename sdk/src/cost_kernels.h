// The passes over runs of numbers of which layers/activity_costs.h consists. Plain C++: no LibTorch.
#pragma once

#include <cstdint>

#include "processor.h"

namespace plexiform::cost_kernels {

struct Kernels {
  const char* name;  // of the instructions
  // The sum of  p - t ln(p + eps)
  double (*poisson)(const float* p, const float* t, int64_t count, float eps);
  // dp = scale (1 - t / (p + eps))
  void (*poisson_gradient)(const float* p, const float* t, float* dp, int64_t count, float eps, float scale);
  // rho[n] over bins, for neurons n < count; p[bin, n] lies at bin * row + n, as does t[bin, n].
  void (*correlation)(const float* p, const float* t, float* rho, int64_t bins, int64_t row, int64_t count, float eps);
};

// Those for this machine: AVX-512, AVX2 with FMA, or plain C++.
const Kernels& kernels();

Choice<Kernels> all_kernels();

}  // namespace plexiform::cost_kernels

// The passes over one run of numbers, all of one channel, of which batch norm with ELU consists (layers/batch_norm.h).
//   z = slope (x - mean) + offset,  y = ELU(z),  dz = dy (y > 0 ? 1 : y + 1), the gradient of z
// Plain C++: no LibTorch. Sums are taken in blocks of fixed size, and between them in double.
#pragma once

#include <cstdint>

#include "processor.h"

namespace plexiform::normalise {

// Source of merging: Chan, Golub & LeVeque 1983, The American Statistician 37:242-247.
struct Moments {
  double mean = 0, deviations = 0;  // the sum of their squares
  int64_t count = 0;
  Moments& operator+=(const Moments& other);
};

struct Line {
  float slope = 1, mean = 0, offset = 0;
};

struct Sums {
  double dz = 0, dz_x = 0;  // of dz, and of dz (x - mean)
  Sums& operator+=(const Sums& other) {
    dz += other.dz, dz_x += other.dz_x;
    return *this;
  }
};

// dx = a dz + b (x - mean) + c
struct Gradient {
  float a = 1, b = 0, c = 0, mean = 0;
};

struct Kernels {
  const char* name;  // of the instructions
  Moments (*moments)(const float* x, int64_t count);
  void (*activate)(const float* x, float* y, int64_t count, const Line& line);
  Sums (*sums)(const float* x, const float* y, const float* dy, int64_t count, float mean);
  void (*gradient)(const float* x, const float* y, const float* dy, float* dx, int64_t count, const Gradient& how);
};

// Those for this machine: AVX-512, AVX2 with FMA, or plain C++.
const Kernels& kernels();

Choice<Kernels> all_kernels();

}  // namespace plexiform::normalise

// What is done with an array while it is read: a compact dtype, and its mean and standard
// deviation, without a copy.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace plexiform::data {

// uint8, int8, int16, float16 and float32 stay as they are; bool becomes uint8, everything else
// float32. Contiguous.
at::Tensor compact(const at::Tensor& array);

// Mean and sum of squared deviations of `count` values.
// Source  merging: Chan, Golub & LeVeque 1983, The American Statistician 37:242-247.
struct Moments {
  double mean = 0, deviations = 0;
  int64_t count = 0;

  Moments& operator+=(const Moments& other);
  double std() const;  // unbiased; 0 for fewer than two values
};

// Over all elements of a compact array. Not finite when some element is not. The result does not
// depend on the number of threads.
Moments moments(const at::Tensor& array);

// The flat index of the first element of a compact array that is NaN or infinite, or negative when
// that is forbidden.
std::optional<int64_t> first_bad(const at::Tensor& array, bool negative_is_bad);

}  // namespace plexiform::data

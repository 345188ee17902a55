// Memory for an array whose size a file claims: what does not fit is the user's error, not a crash.
#pragma once

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <plexiform/error.h>

#include <string>
#include <vector>

namespace plexiform::data {

inline at::Tensor allocate(const std::string& where, const std::vector<int64_t>& shape, at::ScalarType dtype) {
  try {
    return at::empty(shape, dtype);
  } catch (const c10::Error&) {  // also when the number of elements overflows
    throw Error(where, fmt::format("an array of shape ({}) does not fit into memory", fmt::join(shape, ", ")),
                "use a machine with more memory, or fewer frames; a damaged file claims any size");
  }
}

}  // namespace plexiform::data

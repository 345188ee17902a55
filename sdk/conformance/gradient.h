// Gradients by autograd against central differences.
#pragma once

#include <plexiform/given.h>

#include <functional>
#include <string>
#include <vector>

namespace plexiform::conformance {

struct GradientReport {
  int64_t smooth = 0, kinks = 0;   // places that were compared, and those where the value has no slope
  std::vector<std::string> wrong;  // a sentence for each that differs
};

// d value / d leaf for 2 to 6 random elements of each leaf, fewer the more leaves there are, and along a random direction of
// all its elements; leaves are float64. The same places every time.
GradientReport compare_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves);

}  // namespace plexiform::conformance

// Nonlinearities between layers, under the names of torch.nn's classes and with the defaults of those. (What a readout
// puts behind its sum is in nonlinearity.h.)
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace plexiform::layers {

// For the `choices` of a knob: ELU, ReLU, Identity, ...
std::vector<const char*> activations();

// y = f(x), element by element. Throws Error("nonlinearity", ...) for an unknown name.
at::Tensor activate(const std::string& name, const at::Tensor& x);

}  // namespace plexiform::layers

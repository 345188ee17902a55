// Output nonlinearities of readouts, by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace plexiform::layers {

// For the `choices` of a knob: softplus, exp, relu, identity.
std::vector<const char*> nonlinearities();

// y = f(x), element by element. softplus is x itself above 20, as in LibTorch.
at::Tensor apply_nonlinearity(const std::string& name, const at::Tensor& x);

// x with f(x) = y: what a bias has to be for a rate of y. y is raised to at least 1e-3, where f is
// still alive.
at::Tensor invert_nonlinearity(const std::string& name, const at::Tensor& y);

}  // namespace plexiform::layers

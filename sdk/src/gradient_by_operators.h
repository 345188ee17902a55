// What the backward pass of a kernel of our own returns where its gradients are differentiated again (create_graph).
#pragma once

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace plexiform::layers {

// The gradients of y, which LibTorch's operators made of `inputs`, with their graph.
//   inputs   the function's first ones; nothing for those of which no gradient is wanted
//   returns  `count`, one for each argument of the function
inline torch::autograd::variable_list gradient_by_operators(torch::autograd::AutogradContext* context,
                                                            const torch::autograd::variable_list& inputs,
                                                            const at::Tensor& y, const at::Tensor& dy, size_t count) {
  torch::autograd::variable_list wanted, all(count);
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (context->needs_input_grad(k)) wanted.push_back(inputs[k]);
  }
  auto found = torch::autograd::grad({y}, wanted, {dy}, /*retain_graph=*/true, /*create_graph=*/true);
  for (size_t k = 0, n = 0; k < inputs.size(); ++k) {
    if (context->needs_input_grad(k)) all[k] = found[n++];
  }
  return all;
}

}  // namespace plexiform::layers

// A small fully connected network: linear layers, and between them one activation.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <torch/nn/module.h>

namespace plexiform::layers {

enum class Activation { elu, tanh };

class Mlp final : public torch::nn::Module {
 public:
  // sizes        of the input, each hidden layer, the output: at least two
  // final_tanh   outputs between -1 and 1
  // Parameters are "0.weight" (out, in), "0.bias" (out), "2.weight", ..., as those of a torch.nn.Sequential, and drawn as it
  // draws them: uniformly within 1 / sqrt(in).
  Mlp(const std::vector<int64_t>& sizes, Activation activation, bool final_tanh);

  // (..., in) -> (..., out)
  at::Tensor forward(at::Tensor x) const;

  // Makes the output 0 whatever the input, until it is trained.
  void start_silent();

 private:
  struct Linear {
    at::Tensor weight, bias;
  };

  const Activation activation_;
  const bool final_tanh_;
  std::vector<Linear> layers_;
};

}  // namespace plexiform::layers

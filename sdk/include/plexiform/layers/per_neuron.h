// What a loss learns of each neuron: the shape of its noise.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <plexiform/loss.h>
#include <torch/nn/module.h>

#include <map>

namespace plexiform::layers {

// A trainable number for each neuron of each session, a parameter (N) of the session's name; where no sessions are known one
// for all, the parameter "all" ().
class PerNeuron final : public torch::nn::Module {
 public:
  PerNeuron(const LossContext& context, double initial);

  // (N), or () where no sessions are known. Throws Error for a session that the model does not have.
  at::Tensor of(const std::string& session) const;

 private:
  std::map<std::string, at::Tensor> values_;
};

}  // namespace plexiform::layers

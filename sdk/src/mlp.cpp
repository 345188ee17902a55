#include <plexiform/layers/mlp.h>
#include <torch/types.h>

namespace plexiform::layers {

Mlp::Mlp(const std::vector<int64_t>& sizes, Activation activation, bool final_tanh)
    : activation_(activation), final_tanh_(final_tanh) {
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const int64_t in = sizes[i], out = sizes[i + 1];
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    auto layer = register_module(std::to_string(2 * i), std::make_shared<torch::nn::Module>("linear"));
    const auto weight = layer->register_parameter("weight", torch::empty({out, in}).uniform_(-bound, bound));
    layers_.push_back({weight, layer->register_parameter("bias", torch::empty({out}).uniform_(-bound, bound))});
  }
}

at::Tensor Mlp::forward(at::Tensor x) const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = activation_ == Activation::elu ? at::elu(x) : x.tanh();
    x = at::linear(x, layers_[i].weight, layers_[i].bias);
  }
  return final_tanh_ ? x.tanh() : x;
}

void Mlp::start_silent() {
  layers_.back().weight.detach().zero_();
  layers_.back().bias.detach().zero_();
}

}  // namespace plexiform::layers

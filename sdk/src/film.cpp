#include <plexiform/layers/film.h>
#include <torch/nn/init.h>

namespace plexiform::layers {

FiLM::FiLM(int64_t features, int64_t conditions) {
  gamma_ = register_module("fc_gamma", torch::nn::Linear(conditions, features));
  beta_ = register_module("fc_beta", torch::nn::Linear(conditions, features));
  torch::nn::init::normal_(gamma_->weight, 0, 0.01);
  torch::nn::init::ones_(gamma_->bias);
  torch::nn::init::normal_(beta_->weight, 0, 0.01);
  torch::nn::init::zeros_(beta_->bias);
}

at::Tensor FiLM::forward(const at::Tensor& input, const at::Tensor& conditioning) {
  const bool each_bin = conditioning.dim() == 3;
  const auto known = each_bin ? conditioning.slice(1, conditioning.size(1) - input.size(2)) : conditioning;
  const auto shaped = [&](torch::nn::Linear& of) {
    auto values = of->forward(known);
    if (each_bin) values = values.transpose(1, 2);  // (B, features, T')
    while (values.dim() < input.dim()) values = values.unsqueeze(-1);
    return values;
  };
  return shaped(gamma_) * input + shaped(beta_);
}

}  // namespace plexiform::layers

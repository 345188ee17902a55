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
  std::vector<int64_t> per_channel(static_cast<size_t>(input.dim()), 1);
  per_channel[0] = input.size(0);
  per_channel[1] = input.size(1);
  return gamma_->forward(conditioning).view(per_channel) * input + beta_->forward(conditioning).view(per_channel);
}

}  // namespace plexiform::layers

// Feature-wise linear modulation: what is known beside the movie scales and shifts each channel.
//   y[b,f,...] = gamma[b,f] x[b,f,...] + beta[b,f]      gamma = Wg c + bg,  beta = Wb c + bb,  c the conditioning
// of the clip, or of each bin: then gamma and beta have an axis t too.
// Starts close to the identity: weights ~ 0.01 N(0, 1), bg = 1, bb = 0.
// Source: Perez et al. 2018, AAAI, arXiv:1709.07871, eq. 1-2.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <torch/nn/modules/linear.h>

namespace plexiform::layers {

class FiLM final : public torch::nn::Module {
 public:
  FiLM(int64_t features, int64_t conditions);

  //   input         (B, features, ...); (B, features, T', H, W) when each bin has its own conditioning
  //   conditioning  (B, conditions), or (B, T, conditions) with T >= T': its last bins are those of the input
  at::Tensor forward(const at::Tensor& input, const at::Tensor& conditioning);

 private:
  torch::nn::Linear gamma_{nullptr}, beta_{nullptr};
};

}  // namespace plexiform::layers

// Layers that act on each channel of (B, C, T, H, W) as a whole.
#pragma once

#include <torch/nn/module.h>

namespace plexiform::layers {

// y = x + bias, bias (1, C, 1, 1, 1).
class Bias final : public torch::nn::Module {
 public:
  explicit Bias(int64_t channels, double initial = 0);
  at::Tensor forward(const at::Tensor& input) const { return input + bias_; }
  const at::Tensor& value() const { return bias_; }

 private:
  at::Tensor bias_;
};

// y = x scale, scale (1, C, 1, 1, 1); with two trailing axes (1, C, 1, 1), for frames (B, C, H, W).
class Scale final : public torch::nn::Module {
 public:
  explicit Scale(int64_t channels, double initial = 1, int64_t trailing_axes = 3);
  at::Tensor forward(const at::Tensor& input) const { return input * scale_; }

 private:
  at::Tensor scale_;
};

// y[b,0] = sum_c channel_weights[c] x[b,c], channel_weights (C): a colour movie seen in shades of
// grey.
class WeightedChannelSum final : public torch::nn::Module {
 public:
  explicit WeightedChannelSum(const std::vector<double>& weights, bool trainable = false);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  at::Tensor weights_;
};

}  // namespace plexiform::layers

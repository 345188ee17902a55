#include <ATen/ops/full.h>
#include <plexiform/layers/channels.h>
#include <torch/types.h>

namespace plexiform::layers {

Bias::Bias(int64_t channels, double initial) {
  bias_ = register_parameter("bias", at::full({1, channels, 1, 1, 1}, initial));
}

Scale::Scale(int64_t channels, double initial, int64_t trailing_axes) {
  std::vector<int64_t> shape(static_cast<size_t>(2 + trailing_axes), 1);
  shape[1] = channels;
  scale_ = register_parameter("scale", at::full(shape, initial));
}

WeightedChannelSum::WeightedChannelSum(const std::vector<double>& weights, bool trainable) {
  weights_ = register_parameter("channel_weights", torch::tensor(weights, torch::kFloat32), trainable);
}

at::Tensor WeightedChannelSum::forward(const at::Tensor& input) const {
  TORCH_CHECK_VALUE(input.size(1) == weights_.size(0), "weighted channel sum of ", weights_.size(0),
                    " channels was given ", input.size(1));
  return (input * weights_.view({1, -1, 1, 1, 1})).sum(1, /*keepdim=*/true);
}

}  // namespace plexiform::layers

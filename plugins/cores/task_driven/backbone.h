// A vision network up to a named layer. Modules, and so the tensors of the saved state, have torchvision's names.
#pragma once

#include <plexiform/shape.h>
#include <torch/nn/module.h>

namespace task_driven {

using plexiform::Shape;

class Backbone : public torch::nn::Module {
 public:
  // Frames (N, 3, H, W) -> (N, F, H', W').
  virtual at::Tensor forward(at::Tensor frames) = 0;
  // Channels, height and width of a frame; time is left alone. An extent below 1: the frame is too small.
  virtual Shape output_shape(Shape frame) const = 0;
};

// Pixels that a kernel with this stride and these zeros on each side makes of n.
inline int64_t strided(int64_t n, int64_t kernel, int64_t stride, int64_t zeros) {
  const int64_t room = n + 2 * zeros - kernel;
  return room < 0 ? 0 : room / stride + 1;
}
inline Shape strided(const Shape& in, int64_t channels, int64_t kernel, int64_t stride, int64_t zeros) {
  return {channels, in.time, strided(in.height, kernel, stride, zeros), strided(in.width, kernel, stride, zeros)};
}

// The names, for the `choices` of a knob.
std::vector<const char*> backbones();

// Throws Error("layer", ...) for a layer that this network does not have. Weights are LibTorch's random ones.
std::shared_ptr<Backbone> make_backbone(const std::string& name, const std::string& layer);

// vgg.cpp and resnet.cpp
std::shared_ptr<Backbone> make_vgg(const std::string& name, const std::string& layer);
std::shared_ptr<Backbone> make_resnet(const std::string& name, const std::string& layer);

}  // namespace task_driven

// ResNet: a stem of 7 x 7 px, then four stages of residual blocks.
//   y = relu(f(x) + x)     f two 3 x 3 convolutions (18, 34), or 1 x 1, 3 x 3, 1 x 1 with four times the channels at the end;
//                          x passes a strided 1 x 1 convolution where its size or channels change
// Source: He et al. 2016, CVPR, arXiv:1512.03385, table 1; the stride of a bottleneck in its 3 x 3 convolution, as in
// torchvision.
// A layer is conv1, bn1, relu, maxpool, layer1 .. layer4, or a block of those: layer2.0.
#include <ATen/ops/max_pool2d.h>
#include <plexiform/error.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "backbone.h"

namespace task_driven {

namespace {

torch::nn::Conv2d convolution(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false));
}

struct Block final : torch::nn::Module {
  Block(int64_t inputs, int64_t width, int64_t stride_, bool bottleneck)
      : outputs(bottleneck ? 4 * width : width), stride(stride_) {
    if (bottleneck) {
      add(inputs, width, 1, 1);
      add(width, width, 3, stride);
      add(width, outputs, 1, 1);
    } else {
      add(inputs, width, 3, stride);
      add(width, width, 3, 1);
    }
    if (stride == 1 && inputs == outputs) return;
    auto downsample = register_module("downsample", std::make_shared<torch::nn::Module>("downsample"));
    shortcut = downsample->register_module("0", convolution(inputs, outputs, 1, stride));
    shortcut_norm = downsample->register_module("1", torch::nn::BatchNorm2d(outputs));
  }

  at::Tensor forward(const at::Tensor& input) {
    auto x = input;
    for (size_t i = 0; i < convolutions.size(); ++i) {
      x = norms[i]->forward(convolutions[i]->forward(x));
      if (i + 1 < convolutions.size()) x = x.relu();
    }
    return (x + (shortcut ? shortcut_norm->forward(shortcut->forward(input)) : input)).relu();
  }
  Shape output_shape(const Shape& in) const { return strided(in, outputs, 3, stride, 1); }

  const int64_t outputs, stride;

 private:
  void add(int64_t inputs, int64_t channels, int64_t kernel, int64_t step) {
    const auto number = std::to_string(convolutions.size() + 1);
    convolutions.push_back(register_module("conv" + number, convolution(inputs, channels, kernel, step)));
    norms.push_back(register_module("bn" + number, torch::nn::BatchNorm2d(channels)));
  }

  std::vector<torch::nn::Conv2d> convolutions;
  std::vector<torch::nn::BatchNorm2d> norms;
  torch::nn::Conv2d shortcut = nullptr;
  torch::nn::BatchNorm2d shortcut_norm = nullptr;
};

// Blocks in each stage.
std::array<int, 4> depths(const std::string& name) {
  if (name == "resnet18") return {2, 2, 2, 2};
  if (name == "resnet101") return {3, 4, 23, 3};
  if (name == "resnet152") return {3, 8, 36, 3};
  return {3, 4, 6, 3};  // 34 and 50
}

class Resnet final : public Backbone {
 public:
  Resnet(const std::string& network, const std::string& layer) {
    const std::vector<std::string> stem = {"conv1", "bn1", "relu", "maxpool"};
    std::vector<std::string> known = stem;
    for (size_t i = 0; i < stem.size() && !done_; ++i) {
      stem_ = static_cast<int>(i) + 1;
      done_ = layer == stem[i];
    }
    conv1_ = register_module("conv1",
                             torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)));
    if (stem_ > 1) bn1_ = register_module("bn1", torch::nn::BatchNorm2d(64));
    const bool bottleneck = network != "resnet18" && network != "resnet34";
    int64_t channels = 64;
    for (int64_t stage = 0; stage < 4 && !done_; ++stage) {
      const std::string name = "layer" + std::to_string(stage + 1);
      auto blocks = register_module(name, std::make_shared<torch::nn::Module>(name));
      const int depth = depths(network)[static_cast<size_t>(stage)];
      for (int i = 0; i < depth && !done_; ++i) {
        const auto number = std::to_string(i);
        const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
        blocks_.push_back(blocks->register_module(
            number, std::make_shared<Block>(channels, int64_t{64} << stage, stride, bottleneck)));
        channels = blocks_.back()->outputs;
        known.push_back(name + "." + number);
        done_ = layer == known.back() || (layer == name && i + 1 == depth);
      }
      known.push_back(name);
    }
    if (!done_) throw plexiform::Error("layer", "is '" + layer + "'", plexiform::did_you_mean(layer, known));
  }

  at::Tensor forward(at::Tensor x) override {
    x = conv1_->forward(x);
    if (stem_ > 1) x = bn1_->forward(x);
    if (stem_ > 2) x = x.relu();
    if (stem_ > 3) x = at::max_pool2d(x, 3, 2, 1);
    for (const auto& block : blocks_) x = block->forward(x);
    return x;
  }

  Shape output_shape(Shape x) const override {
    x = strided(x, 64, 7, 2, 3);
    if (stem_ > 3) x = strided(x, 64, 3, 2, 1);
    for (const auto& block : blocks_) x = block->output_shape(x);
    return x;
  }

 private:
  bool done_ = false;
  int stem_ = 0;  // parts of the stem: conv1, bn1, relu, maxpool
  torch::nn::Conv2d conv1_ = nullptr;
  torch::nn::BatchNorm2d bn1_ = nullptr;
  std::vector<std::shared_ptr<Block>> blocks_;
};

}  // namespace

std::shared_ptr<Backbone> make_resnet(const std::string& name, const std::string& layer) {
  return std::make_shared<Resnet>(name, layer);
}

}  // namespace task_driven

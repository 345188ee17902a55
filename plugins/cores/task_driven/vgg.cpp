// VGG: blocks of 3 x 3 convolutions with ReLU, each block followed by a maximum over 2 x 2 px.
// Source: Simonyan & Zisserman 2015, ICLR, arXiv:1409.1556, table 1; with batch norm as in torchvision.
// A layer is "features.7", torchvision's number, or its name in the field: conv3_1, bn3_1, relu3_1, pool3.
#include <ATen/ops/max_pool2d.h>
#include <plexiform/error.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "backbone.h"

namespace task_driven {

namespace {

constexpr int64_t block_channels[] = {64, 128, 256, 512, 512};

// Convolutions in each block.
std::array<int, 5> depths(const std::string& name) {
  if (name.starts_with("vgg11")) return {1, 1, 2, 2, 2};
  if (name.starts_with("vgg13")) return {2, 2, 2, 2, 2};
  if (name.starts_with("vgg16")) return {2, 2, 3, 3, 3};
  return {2, 2, 4, 4, 4};
}

enum class Kind { convolution, norm, relu, pool };

struct Part {
  Kind kind;
  int64_t inputs, outputs;
  std::string name;
};

std::vector<Part> parts_of(const std::string& network) {
  const bool normalised = network.ends_with("_bn");
  std::vector<Part> parts;
  int64_t channels = 3;
  for (size_t block = 0; block < 5; ++block) {
    const int64_t outputs = block_channels[block];
    for (int i = 1; i <= depths(network)[block]; ++i) {
      const auto number = std::to_string(block + 1) + "_" + std::to_string(i);
      parts.push_back({Kind::convolution, channels, outputs, "conv" + number});
      if (normalised) parts.push_back({Kind::norm, outputs, outputs, "bn" + number});
      parts.push_back({Kind::relu, outputs, outputs, "relu" + number});
      channels = outputs;
    }
    parts.push_back({Kind::pool, outputs, outputs, "pool" + std::to_string(block + 1)});
  }
  return parts;
}

class Vgg final : public Backbone {
 public:
  Vgg(const std::string& network, const std::string& layer) : parts_(parts_of(network)) {
    cut(layer);
    auto features = register_module("features", std::make_shared<torch::nn::Module>("features"));
    for (size_t i = 0; i < parts_.size(); ++i) {
      const auto& [kind, inputs, outputs, name] = parts_[i];
      const auto number = std::to_string(i);
      if (kind == Kind::convolution) {
        const auto options = torch::nn::Conv2dOptions(inputs, outputs, 3).padding(1);
        convolutions_.emplace(i, features->register_module(number, torch::nn::Conv2d(options)));
      } else if (kind == Kind::norm) {
        norms_.emplace(i, features->register_module(number, torch::nn::BatchNorm2d(outputs)));
      }
    }
  }

  at::Tensor forward(at::Tensor x) override {
    for (size_t i = 0; i < parts_.size(); ++i) {
      switch (parts_[i].kind) {
        case Kind::convolution:
          x = convolutions_.at(i)->forward(x);
          break;
        case Kind::norm:
          x = norms_.at(i)->forward(x);
          break;
        case Kind::relu:
          x = x.relu();
          break;
        case Kind::pool:
          x = at::max_pool2d(x, 2, 2);
      }
    }
    return x;
  }

  Shape output_shape(Shape x) const override {
    for (const auto& part : parts_) {
      x.channels = part.outputs;
      if (part.kind == Kind::pool) x = strided(x, part.outputs, 2, 2, 0);
    }
    return x;
  }

 private:
  void cut(const std::string& layer) {
    std::vector<std::string> known;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (layer == parts_[i].name || layer == "features." + std::to_string(i)) return parts_.resize(i + 1);
      known.push_back(parts_[i].name);
    }
    throw plexiform::Error("layer", "is '" + layer + "'", plexiform::did_you_mean(layer, known));
  }

  std::vector<Part> parts_;
  std::map<size_t, torch::nn::Conv2d> convolutions_;
  std::map<size_t, torch::nn::BatchNorm2d> norms_;
};

}  // namespace

std::shared_ptr<Backbone> make_vgg(const std::string& name, const std::string& layer) {
  return std::make_shared<Vgg>(name, layer);
}

}  // namespace task_driven

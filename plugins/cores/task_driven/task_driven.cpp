// task_driven: the first layers of a network that was trained to recognise objects, applied to each frame, and a temporal
// convolution that turns its maps into features.
//   maps[b,i,t]     = backbone(colours(stimulus[b,:,t]))
//   features[b,f,t] = ELU(norm(sum_ij W[f,i,j] maps[b,i, t - kt + 1 + j]))        j = 0 (oldest) .. kt - 1
// One channel is shown to all three colours of the backbone, three go in as they are, any other number through a learned
// 1 x 1 convolution that starts as their mean.
// Sources: task-driven cores Yamins et al. 2014, PNAS 111:8619-8624; with a readout per neuron Cadena et al. 2019, PLOS
// Comput Biol 15:e1006897; the networks vgg.cpp, resnet.cpp.
#include <ATen/ops/elu.h>
#include <plexiform/abilities.h>
#include <plexiform/layers/convolution.h>
#include <plexiform/layers/regularisers.h>
#include <plexiform/module.h>
#include <plexiform/plugin.h>
#include <plexiform/torch_file.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>

#include "backbone.h"

namespace task_driven {

namespace layers = plexiform::layers;
using plexiform::Error;
using std::to_string;

std::vector<const char*> backbones() {
  return {"vgg11",    "vgg13",    "vgg16",    "vgg19",    "vgg11_bn",  "vgg13_bn", "vgg16_bn",
          "vgg19_bn", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"};
}

std::shared_ptr<Backbone> make_backbone(const std::string& name, const std::string& layer) {
  return name.starts_with("vgg") ? make_vgg(name, layer) : make_resnet(name, layer);
}

struct TaskDriven final : plexiform::CoreModule, plexiform::Streaming {
  struct Params {
    std::string backbone = "vgg16", layer = "relu3_1";
    std::optional<std::string> weights;
    bool frozen = true;
    int64_t features = 16;
    std::optional<int64_t> temporal_kernel_size = 11;
    double gamma_temporal = 0;
    void describe(auto& knob) {
      knob("backbone", backbone, {.doc = "network", .choices = backbones()});
      knob("layer", layer,
           {.doc = "last layer of it that is used: conv3_1, relu3_1, pool3, features.7; layer2, layer2.0"});
      knob("weights", weights,
           {.doc = "safetensors, or a state dict of torch.save, with torchvision's names; null: random ones"});
      knob("frozen", frozen, {.doc = "keep the backbone and its statistics as they are"});
      knob("features", features, {.doc = "channels after the temporal convolution", .min = 1});
      knob("temporal_kernel_size", temporal_kernel_size,
           {.doc = "kernel length; null: the maps of the backbone are the features", .unit = "bins", .min = 1});
      knob("gamma_temporal", gamma_temporal, {.doc = "weight of the temporal roughness", .min = 0});
    }
  };

  TaskDriven(const plexiform::CoreContext& context, const Params& params)
      : p(params), channels(context.stimulus.channels), window(p.temporal_kernel_size.value_or(1), 0) {
    const auto& stimulus = context.stimulus;
    if (channels != 1 && channels != 3) {
      colours = register_parameter("colours", torch::full({3, channels, 1, 1}, 1.0 / static_cast<double>(channels)));
    }
    backbone = register_module("backbone", make_backbone(p.backbone, p.layer));
    if (p.weights && !context.state_follows) load(*p.weights);
    if (p.frozen) {
      for (auto& weight : backbone->parameters()) weight.requires_grad_(false);
    }
    if (p.temporal_kernel_size) {
      const int64_t maps = backbone->output_shape(stimulus).channels;
      time = register_parameter(
          "time", torch::nn::init::xavier_normal_(torch::empty({p.features, maps, *p.temporal_kernel_size, 1, 1})));
      norm = register_module("norm", torch::nn::BatchNorm3d(p.features));
    }
    output_shape(stimulus);
    train(true);
  }

  at::Tensor forward(const at::Tensor& stimulus, const plexiform::Given&) override {
    const int64_t B = stimulus.size(0), T = stimulus.size(2);
    const auto maps = seen(stimulus.transpose(1, 2).flatten(0, 1)).unflatten(0, {B, T}).transpose(1, 2);
    return norm ? in_time(maps) : maps;
  }

  void* ability(std::string_view name) override { return plexiform::offer<plexiform::Streaming>(*this, name); }
  void start(int64_t) override { window.start(); }
  at::Tensor step(const at::Tensor& frame, const plexiform::Given&) override {
    const auto maps = seen(frame);
    if (!norm) return maps;
    const auto bins = window.push(maps);
    return bins.defined() ? in_time(bins).squeeze(2) : bins;
  }

  plexiform::Shape output_shape(const plexiform::Shape& stimulus) const override {
    if (stimulus.channels != channels) {
      throw Error("", "a stimulus of " + to_string(stimulus.channels) + " channels, not " + to_string(channels),
                  "build a core for it");
    }
    auto out = backbone->output_shape(stimulus);
    if (out.height < 1 || out.width < 1) {
      throw Error("layer",
                  "is '" + p.layer + "', of which a frame of " + to_string(stimulus.height) + " x " +
                      to_string(stimulus.width) + " px leaves nothing",
                  "choose an earlier layer, or larger frames");
    }
    if (!norm) return out;
    out.channels = p.features;
    out.time -= *p.temporal_kernel_size - 1;
    if (out.time < 1) {
      throw Error("temporal_kernel_size",
                  "is " + to_string(*p.temporal_kernel_size) + " for a clip of " + to_string(stimulus.time) + " bins",
                  "use at most " + to_string(stimulus.time) + ", or a longer window");
    }
    return out;
  }
  plexiform::Temporal temporal() const override { return {p.temporal_kernel_size.value_or(1) - 1, true}; }

  at::Tensor penalty() override {
    if (p.gamma_temporal == 0 || !norm) return {};
    return p.gamma_temporal * layers::temporal_roughness(time.flatten(2), {.zeros = 1});
  }

  void train(bool on) override {
    plexiform::CoreModule::train(on);
    if (p.frozen) backbone->eval();  // its batch norms keep their statistics
  }

 private:
  at::Tensor seen(at::Tensor frames) {  // (B, C, H, W) -> maps of the backbone
    if (channels == 1) frames = frames.expand({-1, 3, -1, -1});
    if (colours.defined()) frames = torch::conv2d(frames, colours);
    return backbone->forward(frames);
  }
  at::Tensor in_time(const at::Tensor& maps) {
    return at::elu(norm->forward(layers::convolve(maps, time, {}, {}, {})));
  }

  // Every tensor of the backbone from the file, which may hold more: the layers behind the cut.
  void load(const std::string& file) {
    const auto stored = plexiform::read_state_dict(file);
    const std::string fix = "use weights of " + p.backbone + " with the names that torchvision gives them";
    auto take = [&](const std::string& name, const at::Tensor& into) {
      const auto found = std::find_if(stored.begin(), stored.end(), [&](const auto& one) { return one.name == name; });
      if (found == stored.end() && name.ends_with("num_batches_tracked")) return;  // older files lack it
      if (found == stored.end()) throw Error(file, "has no tensor '" + name + "'", fix);
      if (found->tensor.sizes() != into.sizes()) {
        throw Error(file, c10::str("tensor '", name, "' is ", found->tensor.sizes(), ", not ", into.sizes()), fix);
      }
      into.copy_(found->tensor);
    };
    const torch::NoGradGuard no_grad;
    for (const auto& item : backbone->named_parameters()) take(item.key(), item.value());
    for (const auto& item : backbone->named_buffers()) take(item.key(), item.value());
  }

  const Params p;
  const int64_t channels;
  at::Tensor colours;  // (3, C, 1, 1)
  std::shared_ptr<Backbone> backbone;
  at::Tensor time;  // (F, maps of the backbone, kt, 1, 1)
  torch::nn::BatchNorm3d norm = nullptr;
  layers::Window window;  // of what step() has seen
};

}  // namespace task_driven

PLEXIFORM_CORE(task_driven::TaskDriven, "plexiform.cores.TaskDriven",
               "the first layers of a pretrained VGG or ResNet, frame by frame, then a temporal convolution")

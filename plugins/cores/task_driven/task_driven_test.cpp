#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/equal.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace plexiform::testing;
using Catch::Matchers::ContainsSubstring;
using plexiform::Shape;

namespace {

const std::string ours = "plexiform.cores.TaskDriven";
const std::string folder = PLEXIFORM_TEST_FOLDER "/";

std::string knobs(const std::string& backbone, const std::string& layer, const std::string& more) {
  return "{backbone: " + backbone + ", layer: " + layer + ", " + more + "}";
}

// A backbone on its own, with the parameters of make_golden.py.
std::shared_ptr<plexiform::Core> alone(const std::string& backbone, const std::string& layer, double size,
                                       const Shape& movie) {
  auto core = make_core(ours, knobs(backbone, layer, "frozen: false, temporal_kernel_size: null"), movie);
  fill(*core, size);
  core->train(false);
  return core;
}

std::string refusal(const std::string& knobs, const Shape& stimulus = {3, 6, 20, 20}) {
  return refusal_of([&] { make_core(ours, knobs, stimulus); });
}

}  // namespace

TEST_CASE("the task-driven core keeps the core contract") {
  check_core_contract(ours, knobs("vgg11_bn", "relu1_1", "features: 2, temporal_kernel_size: 3, gamma_temporal: 0.1"),
                      {1, 4, 4, 5});
  check_core_contract(ours, knobs("resnet18", "maxpool", "features: 2, temporal_kernel_size: 2, frozen: false"),
                      {2, 3, 9, 8});
}

TEST_CASE("the networks are torchvision's, in value and gradient") {
  struct Case {
    std::string network, layer;
    double size;
    int64_t side;
  };
  for (const auto& [network, layer, size, side] :
       {Case{"vgg11", "features.6", 0.3, 16}, Case{"vgg13_bn", "features.9", 0.3, 15},
        Case{"resnet18", "layer2", 0.5, 19}, Case{"resnet50", "layer1.1", 0.5, 17}}) {
    const Shape shape = {3, 2, side, side - 3};
    auto core = alone(network, layer, size, shape);
    const auto movie = wave({1, 3, 2, side, side - 3}).requires_grad_();
    const auto maps = core->forward(movie, {});
    const std::string name = network + " " + layer;
    check_golden(name, maps);
    const auto out = core->output_shape(shape);
    CHECK(maps.sizes() == at::IntArrayRef{1, out.channels, out.time, out.height, out.width});
    weighted_sum(maps).backward();
    check_golden(name + ", gradient input", movie.grad(), 1e-4);
    check_golden(name + ", gradient first", core->parameters().front().tensor.grad(), 1e-4);
    check_golden(name + ", gradient last", core->parameters().back().tensor.grad(), 1e-4);
  }
}

TEST_CASE("weights come from safetensors and from torch.save, and may hold more than is used") {
  for (const std::string file : {"vgg11.pt", "vgg11.safetensors"}) {
    auto core = make_core(ours, knobs("vgg11", "conv1_1", "temporal_kernel_size: null, weights: " + folder + file),
                          {3, 1, 6, 5});
    check_golden("vgg11 features.0, from a file", core->forward(wave({1, 3, 6, 5}).unsqueeze(2), {}));
  }
}

TEST_CASE("a trained model does not need the file of its first weights") {
  const plexiform::CoreContext context = {.stimulus = {3, 1, 6, 5}, .compat = "", .state_follows = true};
  const auto core = make_core(context, ours, knobs("vgg11", "conv1_1", "temporal_kernel_size: null, weights: none.pt"));
  CHECK(core->parameters().size() == 2);
}

TEST_CASE("layers have torchvision's names and the field's") {
  auto tensors = [](const std::string& layer) {
    return make_core(ours, knobs("vgg16", layer, "temporal_kernel_size: null"), {3, 1, 32, 32})->parameters();
  };
  CHECK(tensors("conv2_2").back().name == "backbone.features.7.bias");
  CHECK(tensors("conv2_2").size() == tensors("features.7").size());
  CHECK(tensors("relu2_2").size() == tensors("pool2").size());
  CHECK(tensors("conv3_1").back().name == "backbone.features.10.bias");
  auto frame = [](const std::string& network, const std::string& layer) {
    return make_core(ours, knobs(network, layer, "temporal_kernel_size: null"), {3, 1, 64, 50})
        ->output_shape({3, 1, 64, 50});
  };
  CHECK(frame("vgg16", "pool2") == Shape{128, 1, 16, 12});
  CHECK(frame("vgg19", "conv3_4") == Shape{256, 1, 16, 12});
  CHECK(frame("resnet34", "layer2.3") == frame("resnet34", "layer2"));
  CHECK(frame("resnet18", "relu") == Shape{64, 1, 32, 25});
}

TEST_CASE("a temporal convolution turns the maps of the newest bins into features") {
  const Shape shape = {3, 5, 6, 5};
  auto core = make_core(ours, knobs("vgg11", "conv1_1", "features: 2, temporal_kernel_size: 3"), shape);
  auto maps = make_core(ours, knobs("vgg11", "conv1_1", "temporal_kernel_size: null"), shape);
  at::NoGradGuard no_grad;
  for (const std::string name : {"weight", "bias"}) {
    tensor(*maps, "backbone.features.0." + name).copy_(tensor(*core, "backbone.features.0." + name));
  }
  core->train(false);
  auto kernel = tensor(*core, "time");
  kernel.zero_();
  kernel.select(2, 2).select(1, 7).fill_(1);  // map 7 of the newest bin
  const auto x = wave({2, 3, 5, 6, 5});
  const auto expected = at::elu(maps->forward(x, {}).slice(2, 2).slice(1, 7, 8) / std::sqrt(1 + 1e-5));
  CHECK(at::allclose(core->forward(x, {}), expected.expand({2, 2, 3, 6, 5}), 1e-5, 1e-6));
}

TEST_CASE("a frozen backbone keeps its weights and its statistics, and passes gradients on to the movie") {
  auto core = make_core(ours, knobs("vgg11_bn", "relu1_1", "features: 2, temporal_kernel_size: 2"), {3, 3, 6, 5});
  core->train(true);
  const auto movie = wave({2, 3, 3, 6, 5}).requires_grad_();
  weighted_sum(core->forward(movie, {})).backward();
  CHECK(movie.grad().abs().sum().item<double>() > 0);
  for (const auto& [name, parameter] : core->parameters()) {
    INFO(name);
    CHECK(parameter.requires_grad() == !name.starts_with("backbone."));
  }
  CHECK(tensor(*core, "backbone.features.1.running_mean").abs().max().item<double>() == 0);
  CHECK(tensor(*core, "norm.running_mean").abs().max().item<double>() > 0);

  auto tuned = make_core(ours, knobs("vgg11_bn", "relu1_1", "features: 2, frozen: false, temporal_kernel_size: 2"),
                         {3, 3, 6, 5});
  tuned->forward(movie, {});
  CHECK(tensor(*tuned, "backbone.features.1.running_mean").abs().max().item<double>() > 0);
}

TEST_CASE("grey is shown to all three colours, two colours start as their mean") {
  auto made = [](int64_t channels) {
    auto core =
        make_core(ours, knobs("vgg11", "conv1_1", "temporal_kernel_size: null, weights: " + folder + "vgg11.pt"),
                  {channels, 2, 6, 5});
    return core;
  };
  const auto x = wave({1, 2, 2, 6, 5}), mean = x.mean(1, /*keepdim=*/true);
  const auto grey = made(1)->forward(mean, {});
  CHECK(at::allclose(made(3)->forward(mean.expand({1, 3, 2, 6, 5}), {}), grey, 1e-5, 1e-6));
  CHECK(at::allclose(made(2)->forward(x, {}), grey, 1e-4, 1e-5));
  CHECK(tensor(*made(2), "colours").requires_grad());
}

TEST_CASE("what cannot work is refused when the core is built, with the knob and a remedy") {
  CHECK(refusal(knobs("vgg16", "relu3_4", "features: 2")) == "layer: is 'relu3_4'\n  fix: did you mean 'relu3_1'?");
  CHECK(refusal(knobs("resnet18", "layer2.2", "features: 2")) ==
        "layer: is 'layer2.2'\n  fix: did you mean 'layer2.0'?");
  CHECK(refusal(knobs("vgg11", "pool5", "features: 2")) ==
        "layer: is 'pool5', of which a frame of 20 x 20 px leaves nothing\n"
        "  fix: choose an earlier layer, or larger frames");
  CHECK(refusal(knobs("vgg11", "conv1_1", "temporal_kernel_size: 7")) ==
        "temporal_kernel_size: is 7 for a clip of 6 bins\n  fix: use at most 6, or a longer window");
  CHECK_THAT(refusal(knobs("vgg11", "conv2_1", "weights: " + folder + "vgg11.pt")),
             ContainsSubstring("has no tensor 'features.3.weight'\n  fix: use weights of vgg11"));
  CHECK_THAT(refusal(knobs("resnet18", "conv1", "weights: " + folder + "vgg11.pt")),
             ContainsSubstring("has no tensor 'conv1.weight'"));
  CHECK_THAT(refusal(knobs("vgg11", "conv1_1", "weights: none.pt")), ContainsSubstring("none.pt: cannot be read"));
}

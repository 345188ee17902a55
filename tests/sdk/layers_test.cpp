#include <ATen/autocast_mode.h>
#include <plexiform/layers/activation.h>
#include <plexiform/layers/channels.h>
#include <plexiform/layers/custom_separable.h>
#include <plexiform/layers/film.h>
#include <plexiform/layers/gru.h>
#include <plexiform/layers/nonlinearity.h>
#include <plexiform/layers/parametrized.h>
#include <plexiform/layers/regularisers.h>
#include <testing.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform;
using namespace plexiform::layers;
using namespace plexiform::testing;
using Catch::Approx;

namespace {

void fill_module(torch::nn::Module& module) {  // as testing.h's fill does with components
  at::NoGradGuard no_grad;
  int index = 0;
  for (auto& parameter : module.parameters()) {
    const auto i = torch::arange(1, parameter.numel() + 1, torch::kDouble);
    parameter.copy_((0.1 * torch::sin(0.37 * i + index++)).view(parameter.sizes()));
  }
}

std::vector<Named> named(torch::nn::Module& module) {
  std::vector<Named> all;
  for (const auto& item : module.named_parameters()) all.push_back({item.key(), item.value()});
  return all;
}

bool close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  return (a - b).abs().max().item<double>() <= tolerance * a.abs().max().item<double>();
}

const ConvolutionSize size = {.inputs = 2, .outputs = 3, .bins = 7, .height = 4, .width = 4};

std::vector<int64_t> shape_of(const Shape& s) { return {s.channels, s.time, s.height, s.width}; }

}  // namespace

TEST_CASE("the temporal basis is openretina's") {
  const auto [sines, cosines] = temporal_basis(21, torch::ones(1));
  check_golden("sines, stretch 1", sines);
  check_golden("cosines, stretch 1", cosines);
  const auto [stretched_sines, stretched_cosines] = temporal_basis(21, torch::full(1, 1.25));
  check_golden("sines, stretch 1.25", stretched_sines);
  check_golden("cosines, stretch 1.25", stretched_cosines);
}

TEST_CASE("the oldest bins of the basis fade in, the newest has full strength") {
  const auto constant = temporal_basis(21, torch::ones(1, torch::kDouble)).second[0];  // cos 0 = 1: the fade alone
  CHECK(constant[0].item<double>() == Approx(1 / (1 + std::exp(2.0))));                // 21 - floor(0.95 x 21) = 2
  CHECK(constant[2].item<double>() == Approx(0.5));
  CHECK(constant[20].item<double>() == Approx(1));
}

TEST_CASE("the custom_separable convolution is openretina's, dense, factored and fused") {
  CustomSeparable conv(size);
  fill_module(conv);
  const auto x = wave({1, 2, 9, 8, 8});
  check_golden("custom_separable", conv.dense(x));
  check_golden("custom_separable", conv.factored(x));
  check_golden("custom_separable", conv.fused(x));
  check_golden("custom_separable kernel", conv.temporal_kernel().unsqueeze(3).unsqueeze(4) * conv.spatial_kernel());
}

TEST_CASE("with openretina's padding every convolution is openretina's") {
  const auto x = wave({1, 2, 9, 8, 8});
  Padding sides;
  sides.sides = {0, 2, 2};
  for (const std::string type : {"custom_separable", "separable", "full", "time_independent"}) {
    ConvolutionSize padded = size;
    padded.padding = Padding::same();
    auto conv = make_convolution(type, padded, true);
    fill_module(*conv);
    check_golden(type + " same", conv->forward(x));
    padded.padding = sides;
    conv = make_convolution(type, padded, true);
    fill_module(*conv);
    check_golden(type + " (0, 2, 2)", conv->forward(x));
  }
}

TEST_CASE("the declared shape of a convolution is its shape") {
  Padding uneven;
  uneven.sides = {2, 0, 3};
  const Shape in = {2, 12, 8, 9};
  const auto x = wave({1, 2, 12, 8, 9});
  for (const char* type : convolution_types()) {
    for (const auto& padding : {Padding{}, Padding::same(), Padding::same_space(), uneven}) {
      for (const bool openretina : {false, true}) {
        ConvolutionSize s = {.inputs = 2, .outputs = 3, .bins = 4, .height = 3, .width = 2, .padding = padding};
        auto conv = make_convolution(type, s, openretina);
        INFO(type << ", padding " << Json(padding).dump() << ", openretina " << openretina);
        CHECK(conv->forward(x).squeeze(0).sizes().vec() == shape_of(conv->output_shape(in)));
      }
    }
  }
}

TEST_CASE("dense, factored and fused kernels agree in value and gradient") {
  struct Case {
    const char* what;
    ConvolutionSize size;
    Shape in;
    bool openretina = false;
  };
  Padding uneven;
  uneven.sides = {3, 1, 2};
  const Case cases[] = {
      {"one input", {1, 4, 6, 3, 5}, {1, 20, 9, 8}},
      {"two inputs", {2, 3, 7, 4, 4}, {2, 15, 8, 9}},
      {"many inputs", {8, 5, 3, 3, 3}, {8, 9, 5, 5}},
      {"causal same padding, even kernel", {2, 3, 6, 4, 4, Padding::same()}, {2, 11, 7, 6}},
      {"padding on both sides", {2, 3, 6, 4, 4, Padding::same()}, {2, 11, 7, 6}, true},
      {"same in space", {2, 3, 4, 3, 3, Padding::same_space()}, {2, 9, 7, 6}},
      {"uneven padding", {1, 3, 5, 3, 3, uneven}, {1, 9, 7, 6}},
      {"a clip of several blocks", {1, 2, 5, 3, 3, Padding::same()}, {1, 200, 4, 4}},
      {"more zeros than kernel", {1, 2, 3, 1, 1, uneven}, {1, 4, 4, 4}},
  };
  for (const auto& [what, s, in, openretina] : cases) {
    INFO(what);
    CustomSeparable conv(s, openretina);
    fill_module(conv);
    conv.to(torch::kDouble);
    auto x = wave({2, in.channels, in.time, in.height, in.width}).to(torch::kDouble).requires_grad_();
    auto leaves = conv.parameters();
    leaves.push_back(x);
    const auto dense = conv.dense(x);
    const auto of_dense = torch::autograd::grad({weighted_sum(dense)}, leaves);
    for (const auto& other : {conv.factored(x), conv.fused(x)}) {
      REQUIRE(dense.sizes() == other.sizes());
      CHECK(torch::allclose(dense, other, 1e-10, 1e-12));
      const auto of_other = torch::autograd::grad({weighted_sum(other)}, leaves);
      for (size_t i = 0; i < leaves.size(); ++i) CHECK(torch::allclose(of_dense[i], of_other[i], 1e-10, 1e-10));
    }
  }
}

TEST_CASE("in float, fused kernels are the dense ones, with and without a gradient of the input") {
  Padding around;
  around.sides = {0, 2, 2};
  for (const auto& [s, in] : {std::pair<ConvolutionSize, Shape>{{2, 16, 9, 5, 5}, {2, 30, 14, 12}},
                              {{16, 16, 5, 5, 5, around}, {16, 12, 8, 6}},
                              {{1, 5, 4, 4, 4, Padding::same()}, {1, 15, 9, 20}}}) {
    CustomSeparable conv(s);
    fill_module(conv);
    for (const bool of_input : {false, true}) {
      INFO(s.inputs << " inputs, gradient of the input " << of_input);
      auto x = wave({3, in.channels, in.time, in.height, in.width}).requires_grad_(of_input);
      auto leaves = conv.parameters();
      if (of_input) leaves.push_back(x);
      const auto dense = conv.dense(x), fused = conv.fused(x);
      CHECK(close(dense, fused, 4e-6));
      const auto of_dense = torch::autograd::grad({dense.square().sum()}, leaves);
      const auto of_fused = torch::autograd::grad({fused.square().sum()}, leaves);
      for (size_t i = 0; i < leaves.size(); ++i) CHECK(close(of_dense[i], of_fused[i], 1e-5));
    }
  }
}

TEST_CASE("under autocast fused kernels compute in float32, and so they do with bfloat16, which they return") {
  CustomSeparable conv(ConvolutionSize{2, 16, 9, 5, 5});
  fill_module(conv);
  const auto x = wave({2, 2, 20, 14, 12});
  const auto exact = conv.fused(x);
  CHECK(conv.fastest(x.to(at::kBFloat16)) == CustomSeparable::Way::fused);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto y = conv.forward(x);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  CHECK(torch::equal(y, exact));
  conv.to(at::kBFloat16);
  const auto narrow = x.to(at::kBFloat16).requires_grad_();
  const auto of_narrow = conv.forward(narrow);
  CHECK(of_narrow.scalar_type() == at::kBFloat16);
  CHECK(close(exact, of_narrow.to(at::kFloat), 2e-2));
  CHECK(torch::autograd::grad({of_narrow.sum()}, {narrow})[0].scalar_type() == at::kBFloat16);
}

TEST_CASE("a convolution of few inputs has a gradient under autocast") {
  const auto x = wave({1, 2, 9, 8, 7});
  const auto weight = wave({4, 2, 3, 3, 3}).requires_grad_();
  auto gradient = [&](bool mixed) {
    at::autocast::set_autocast_enabled(at::kCPU, mixed);
    const auto y = convolve(x, weight, {0, 0}, {1, 1}, {1, 1});
    at::autocast::set_autocast_enabled(at::kCPU, false);
    return torch::autograd::grad({y.to(at::kFloat).sum()}, {weight})[0];
  };
  CHECK(close(gradient(false), gradient(true), 2e-2));
}

TEST_CASE("a layer that gets frame by frame makes the bins of convolution, batch norm and ELU") {
  at::NoGradGuard no_grad;
  Padding causal;
  causal.sides = {1, 1, 2};
  for (const auto& [size, in] : {std::pair{ConvolutionSize{2, 16, 9, 5, 5}, Shape{2, 14, 12, 10}},         // keeps maps
                                 std::pair{ConvolutionSize{5, 18, 4, 3, 3, causal}, Shape{5, 9, 28, 26}},  // spectra
                                 std::pair{ConvolutionSize{5, 18, 4, 1, 1, causal}, Shape{5, 9, 18, 16}}}) {  // frames
    CustomSeparable conv(size);
    fill_module(conv);
    const int64_t O = size.outputs;
    const BatchNorm norm = {at::rand({O}) + 0.5, at::randn({O}), at::randn({O}), at::rand({O}) + 0.5};
    const auto clip = at::randn({2, in.channels, in.time, in.height, in.width});
    const auto expected = batch_norm_elu_by_operators(conv.dense(clip), norm);
    const auto layer = conv.frame_layer(norm, clip.select(2, 0));
    REQUIRE(layer);
    std::vector<at::Tensor> bins;
    for (int64_t t = 0; t < in.time; ++t) {
      if (const auto bin = layer->step(clip.select(2, t)); bin.defined()) bins.push_back(bin);
    }
    REQUIRE(std::ssize(bins) == expected.size(2));
    CHECK(close(at::stack(bins, 2), expected, 4e-6));
  }
}

TEST_CASE("gradients of the fused convolution equal finite differences") {
  for (const auto& padding : {Padding{}, Padding::same()}) {
    CustomSeparable conv({2, 3, 4, 3, 2, padding});
    fill_module(conv);
    conv.to(torch::kDouble);
    auto leaves = named(conv);
    check_gradients([&] { return weighted_sum(conv.fused(wave({2, 2, 7, 5, 4}).to(torch::kDouble)).square()); },
                    leaves);
    leaves.push_back({"input", wave({2, 2, 7, 5, 4}).to(torch::kDouble).requires_grad_()});
    check_gradients([&] { return weighted_sum(conv.fused(leaves.back().tensor).square()); }, leaves);
  }
}

TEST_CASE("second derivatives of the fused convolution are those of the dense one") {
  CustomSeparable conv({2, 3, 4, 3, 3});
  fill_module(conv);
  conv.to(torch::kDouble);
  auto x = wave({1, 2, 6, 5, 5}).to(torch::kDouble).requires_grad_();
  auto curvature = [&](const at::Tensor& y) {
    const auto first = torch::autograd::grad({y.pow(3).sum()}, {x}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {x, conv.spatial_kernel()});
  };
  const auto of_dense = curvature(conv.dense(x)), of_fused = curvature(conv.fused(x));
  for (size_t i = 0; i < 2; ++i) CHECK(torch::allclose(of_dense[i], of_fused[i], 1e-10, 1e-12));
}

TEST_CASE("two passes of a fused layer before their backward passes do not disturb each other") {
  CustomSeparable conv({1, 4, 5, 3, 3});
  fill_module(conv);
  const auto x = wave({2, 1, 12, 6, 6}), other = x.flip(2) + 1;
  auto gradient = [&](const at::Tensor& y) {
    return torch::autograd::grad({weighted_sum(y.square())}, {conv.spatial_kernel()})[0];
  };
  const auto expected = gradient(conv.fused(x)), expected_other = gradient(conv.fused(other));
  const auto first = conv.fused(x), second = conv.fused(other);
  CHECK(torch::equal(gradient(first), expected));
  CHECK(torch::equal(gradient(second), expected_other));
}

TEST_CASE("each shape takes the way that needs less time") {
  using Way = CustomSeparable::Way;
  auto way = [](ConvolutionSize s, std::vector<int64_t> in, at::TensorOptions options = {}) {
    return CustomSeparable(s).fastest(torch::empty(in, options));
  };
  CHECK(way({2, 16, 21, 11, 11}, {2, 2, 50, 18, 16}) == Way::fused);
  CHECK(way({16, 16, 11, 5, 5}, {2, 16, 30, 8, 6}) == Way::fused);
  CHECK(way({1, 16, 20, 1, 1}, {2, 1, 60, 48, 40}) == Way::dense);  // nothing to factor
  CHECK(way({16, 1, 3, 1, 1}, {2, 16, 60, 48, 40}) == Way::dense);  // most lanes would be empty

  const auto elsewhere = at::TensorOptions().device(torch::kMeta);  // no kernels of our own: LibTorch's operators
  CHECK(way({1, 16, 20, 9, 9}, {16, 1, 60, 48, 40}, elsewhere) == Way::factored);     // a first layer: 2.5 times
  CHECK(way({2, 16, 21, 11, 11}, {128, 2, 50, 18, 16}, elsewhere) == Way::factored);  // with two colours
  CHECK(way({8, 16, 7, 5, 5}, {16, 8, 41, 40, 32}, elsewhere) == Way::dense);         // many maps, small kernels
  CHECK(way({16, 16, 20, 15, 15}, {64, 16, 60, 48, 40}, elsewhere) == Way::dense);    // 13 GiB of maps
  CHECK(way({1, 16, 20, 9, 9}, {1, 1, 60, 48, 40}, torch::kDouble) == Way::factored);
}

TEST_CASE("gradients of every convolution equal finite differences") {
  for (const int64_t inputs : {1, 2, 8}) {  // 2 takes the channels-last weight gradient
    for (const char* type : convolution_types()) {
      INFO(type << ", " << inputs << " inputs");
      ConvolutionSize s = {
          .inputs = inputs, .outputs = 2, .bins = 4, .height = 3, .width = 2, .padding = Padding::same()};
      auto conv = make_convolution(type, s);
      fill_module(*conv);
      conv->to(torch::kDouble);
      auto leaves = named(*conv);
      leaves.push_back({"input", wave({2, inputs, 7, 5, 4}).to(torch::kDouble).requires_grad_()});
      check_gradients([&] { return weighted_sum(conv->forward(leaves.back().tensor).square()); }, leaves);
    }
  }
}

TEST_CASE("an unknown convolution is answered with the nearest") {
  try {
    make_convolution("seperable", size);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(std::string(e.what()) == "convolution_type: is 'seperable'\n  fix: did you mean 'separable'?");
  }
}

TEST_CASE("a kernel without curvature costs nothing, a single pixel its Laplacian") {
  const auto ramp = torch::arange(25, torch::kDouble).view({1, 1, 1, 5, 5});  // rises by 5 a row, 1 a column
  CHECK(spatial_roughness(ramp).item<double>() == Approx(0).margin(1e-12));
  auto pixel = torch::zeros({1, 1, 1, 5, 5}, torch::kDouble);
  pixel[0][0][0][2][2] = 1;
  CHECK(spatial_roughness(pixel).item<double>() ==
        Approx(4 * 4 + 4 * 1).epsilon(1e-5));  // centre 4, four neighbours -1
  const auto spike = torch::tensor({0., 0., 1., 0., 0.}, torch::kDouble);
  CHECK(temporal_roughness(spike).item<double>() == Approx(2 * 2 + 1 + 1).epsilon(1e-5));
}

TEST_CASE("high frequencies cost more") {  // q from 0.1 to 0.9
  const auto none = torch::zeros({2, 1, 3}), low = torch::tensor({1.0, 0.0, 0.0}).view({1, 1, 3}).repeat({2, 1, 1});
  const auto high = low.flip(2);
  CHECK(frequency_roughness(low, none).item<double>() == Approx(0.1 * 0.1));
  CHECK(frequency_roughness(none, high).item<double>() == Approx(0.9 * 0.9));
}

TEST_CASE("group sparsity counts the inputs that an output listens to") {
  auto kernels = torch::zeros({1, 4, 1, 3, 3}, torch::kDouble);
  kernels[0][0].fill_(1);
  CHECK(group_sparsity(kernels).item<double>() == Approx(1).epsilon(1e-4));
  kernels.fill_(1);
  CHECK(group_sparsity(kernels).item<double>() == Approx(2).epsilon(1e-4));  // sqrt 4
}

TEST_CASE("a weighted channel sum is openretina's, and refuses other channels") {
  WeightedChannelSum sum({0.25, 0.75});
  check_golden("weighted channel sum", sum.forward(wave({1, 2, 2, 2, 2})));
  CHECK_THROWS(sum.forward(wave({1, 1, 2, 2, 2})));
  CHECK_FALSE(sum.parameters()[0].requires_grad());
}

TEST_CASE("bias and scale start without effect and have one value per channel") {
  const auto x = wave({2, 3, 4, 2, 2});
  CHECK(torch::equal(Bias(3).forward(x), x));
  CHECK(torch::equal(Scale(3).forward(x), x));
  CHECK(torch::equal(Bias(3, 2.0).forward(x), x + 2));
  CHECK(Scale(3).parameters()[0].sizes() == at::IntArrayRef{1, 3, 1, 1, 1});
}

TEST_CASE("every output nonlinearity is undone by its inverse") {
  const auto rates = torch::tensor({0.002, 0.1, 1.0, 7.0, 90.0}, torch::kDouble);
  for (const char* f : nonlinearities()) {
    INFO(f);
    CHECK(torch::allclose(apply_nonlinearity(f, invert_nonlinearity(f, rates)), rates));
  }
  CHECK(apply_nonlinearity("softplus", torch::zeros(1)).item<double>() == Approx(std::log(2.0)));
  CHECK(apply_nonlinearity("exp", torch::ones(1)).item<double>() == Approx(std::exp(1.0)));
}

namespace {

void check_gradient(const std::string& key, const at::Tensor& value, const at::Tensor& of) {
  check_golden(key, torch::autograd::grad({weighted_sum(value)}, {of}, {}, /*retain_graph=*/true)[0], 1e-4);
}

}  // namespace

TEST_CASE("a convolutional GRU is openretina's") {
  ConvGru gru({.inputs = 4, .outputs = 6, .input_kernel = 3, .recurrent_kernel = 5, .groups = 2});
  fill_module(gru);
  const auto clip = wave({2, 4, 5, 6, 7}).requires_grad_();
  const auto states = gru.forward(clip);
  check_golden("gru", states);
  check_gradient("gru, gradient input", states, clip);
  check_gradient("gru, gradient reset", states, gru.named_parameters()["gru.reset_gate_hidden.weight"]);
}

TEST_CASE("a GRU whose update gate is shut keeps its state, one whose gates are open forgets it") {
  ConvGru gru({.inputs = 1, .outputs = 1, .input_kernel = 1, .recurrent_kernel = 1});
  at::NoGradGuard no_grad;
  for (auto& parameter : gru.parameters()) parameter.zero_();
  auto of = gru.named_parameters();
  of["gru.out_gate_input.weight"].fill_(1);
  const auto clip = torch::tensor({0.5, -0.25, 1.0}).view({1, 1, 3, 1, 1});
  of["gru.update_gate_input.bias"].fill_(-100);
  CHECK(gru.forward(clip).abs().max().item<double>() < 1e-6);
  of["gru.update_gate_input.bias"].fill_(100);
  CHECK(torch::allclose(gru.forward(clip), clip.tanh()));
}

TEST_CASE("feature-wise modulation is openretina's, and starts close to the identity") {
  FiLM film(4, 3);
  const auto x = wave({2, 4, 3, 2, 2}), condition = wave({2, 3}).requires_grad_();
  CHECK(torch::allclose(film.forward(x, condition), x, 0.1, 0.1));
  fill_module(film);
  const auto y = film.forward(x, condition);
  check_golden("film", y);
  check_gradient("film, gradient conditioning", y, condition);
}

TEST_CASE("parametrized nonlinearities are openretina's") {
  const auto x = wave({10}).requires_grad_();
  ParametrizedELU elu(1.2, 0.8, 0.9);
  check_golden("parametrized ELU", elu.forward(x));
  check_gradient("parametrized ELU, gradient b", elu.forward(x), elu.named_parameters()["b"]);
  check_gradient("parametrized ELU, gradient input", elu.forward(x), x);
  ParametrizedSoftplus softplus(1.2, 0.8, 0.9, /*learn_a=*/true);
  check_golden("parametrized softplus", softplus.forward(x));
  check_gradient("parametrized softplus, gradient a", softplus.forward(x), softplus.named_parameters()["a"]);
  check_gradient("parametrized softplus, gradient input", softplus.forward(x), x);
  CHECK(ParametrizedSoftplus(2.0).parameters().size() == 2);
  CHECK(torch::allclose(ParametrizedSoftplus(2.0).forward(x), torch::softplus(2 * x)));
}

TEST_CASE("a parametrized ELU has finite gradients however large its input") {
  ParametrizedELU elu;
  const auto x = torch::tensor({1e4, -1e4}).requires_grad_();
  elu.forward(x).sum().backward();
  for (const auto& parameter : elu.parameters()) CHECK(parameter.grad().isfinite().item<bool>());
  CHECK(torch::equal(x.grad(), torch::tensor({1.0, 0.0})));
}

TEST_CASE("a scale of frames is openretina's") {
  Scale scale(3, 1, /*trailing_axes=*/2);
  fill_module(scale);
  check_golden("scale of frames", scale.forward(wave({2, 3, 4, 5})));
}

TEST_CASE("roughness is openretina's in value and gradient, with zeros around the kernel or without, sums or means") {
  auto check = [](const std::string& name, const at::Tensor& kernel, const auto& roughness) {
    kernel.requires_grad_();
    const auto value = roughness();
    check_golden(name, value);
    check_golden(name + ", gradient", torch::autograd::grad({value}, {kernel})[0], 1e-4);
  };
  const auto spatial = wave({3, 2, 1, 6, 5}), temporal = wave({3, 2, 7, 1, 1}), flat = wave({3, 2, 6, 5});
  for (const int64_t zeros : {0, 1}) {
    for (const bool mean : {false, true}) {
      const std::string how = std::string(zeros ? "with zeros" : "valid") + (mean ? ", mean" : ", sum");
      check("spatial roughness, " + how, spatial, [&] { return spatial_roughness(spatial, {zeros, mean}); });
      check("temporal roughness, " + how, temporal,
            [&] { return temporal_roughness(temporal.flatten(2), {zeros, mean}); });
    }
  }
  check("spatial roughness of frames", flat, [&] { return spatial_roughness(flat, {.zeros = 1}); });
  check("surround roughness, sum", flat, [&] { return surround_roughness(flat); });
  check("surround roughness, mean", flat, [&] { return surround_roughness(flat, true); });
}

TEST_CASE("the Gaussian bump and the Laplacians are openretina's") {
  check_golden("gaussian bump", gaussian_bump(6, 5, 1.25));
  for (const int64_t side : {3, 5, 7}) {
    check_golden("laplacian of " + std::to_string(side) + " px", laplacian(wave({2, 1, 8, 9}), side));
  }
  CHECK_THROWS(laplacian(wave({2, 1, 8, 9}), 4));
}

TEST_CASE("activations have the names and defaults of torch.nn") {
  const auto x = wave({10});
  CHECK(torch::equal(activate("ELU", x), torch::elu(x)));
  CHECK(torch::equal(activate("Identity", x), x));
  CHECK(torch::allclose(activate("Softsign", x), x / (1 + x.abs())));
  CHECK(torch::equal(activate("LeakyReLU", x), torch::where(x > 0, x, 0.01 * x)));
  for (const char* f : activations()) {
    INFO(f);
    CHECK(activate(f, x).sizes() == x.sizes());
  }
  CHECK_THROWS_AS(activate("elu", x), Error);
}

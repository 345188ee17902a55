#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using plexiform::Shape;

namespace {

const std::string ours = "plexiform.cores.Simple", theirs = "openretina.modules.core.base_core.SimpleCoreWrapper";
const Shape stimulus = {2, 20, 12, 10};

// Knobs of a two-layer core; `more` is added at the end.
std::string two_layers(const std::string& more = "") {
  return "{channels: [2, 4, 5], temporal_kernel_sizes: [7, 5], spatial_kernel_sizes: [5, 3]" +
         (more.empty() ? "" : ", " + more) + "}";
}

// A core small enough for finite differences.
std::string small(const std::string& more) {
  return "{channels: [2, 3, 2], temporal_kernel_sizes: [4, 3], spatial_kernel_sizes: [3, 2], " + more + "}";
}

// The fixture of make_golden.py. Its batch-norm statistics are new ones: no shape was probed.
std::shared_ptr<plexiform::Core> reference(std::string more = "", const std::string& channels = "[2, 4, 5]",
                                           const std::string& sides = "[5, 3]") {
  std::string knobs = "{channels: " + channels + ", temporal_kernel_sizes: [7, 5], spatial_kernel_sizes: " + sides;
  for (const std::string gamma : {"gamma_input", "gamma_hidden", "gamma_temporal", "gamma_in_sparse"}) {
    if (more.find(gamma) == std::string::npos) knobs += ", " + gamma + ": 0";
  }
  if (more.find("hidden_padding") == std::string::npos) knobs += ", hidden_padding: [0, 1, 1]";
  if (more.find("cut_first_n_frames") == std::string::npos) knobs += ", cut_first_n_frames: 0";
  auto core = make_core(theirs, knobs + (more.empty() ? "" : ", " + more) + "}", stimulus, "openretina");
  fill(*core);
  for (auto& [name, buffer] : core->buffers()) {
    if (name.ends_with("running_var")) buffer.fill_(1);
  }
  return core;
}

at::Tensor movie() { return wave({2, 2, 20, 12, 10}); }

at::Tensor evaluated(plexiform::Core& core) {
  core.train(false);
  return core.forward(movie(), {});
}

double penalty(const std::string& more, const std::string& compat = "") {
  auto core = make_core(ours, two_layers(more), stimulus, compat);
  fill(*core);
  return core->penalty().item<double>();
}

}  // namespace

TEST_CASE("the simple core keeps the core contract, whatever its convolution") {
  const std::string gammas = "gamma_input: 0.1, gamma_in_sparse: 0.2, gamma_hidden: 0.3";
  for (const std::string kind : {"custom_separable", "separable", "full"}) {
    check_core_contract(ours, small("convolution_type: " + kind + ", gamma_temporal: 0.5, " + gammas), {2, 9, 6, 7});
  }
  check_core_contract(ours, small("convolution_type: time_independent, " + gammas), {2, 9, 6, 7});
}

TEST_CASE("the simple core keeps the core contract with pooling, padding, cutting and squashing") {
  check_core_contract(ours, small("hidden_padding: same, input_padding: [2, 1, 1], maxpool_every_n_layers: 1"),
                      {2, 7, 8, 9});
  check_core_contract(ours,
                      small("cut_first_n_frames: 2, downsample_input_kernel_size: [1, 2, 2], "
                            "hidden_padding: [[1, 1, 0]]"),
                      {2, 9, 10, 8});
  check_core_contract(ours,
                      "{channels: [1, 3], temporal_kernel_sizes: [4], spatial_kernel_sizes: [4], "
                      "color_squashing_weights: [0.25, 0.75], input_padding: true}",
                      {2, 7, 5, 6});
}

TEST_CASE("openretina's padding is seen to be acausal") {
  check_core_contract(ours, small("hidden_padding: same"), {2, 9, 6, 7}, "openretina");
  CHECK_FALSE(reference("hidden_padding: true")->temporal().causal);
  CHECK(make_core(ours, two_layers("hidden_padding: true"), stimulus)->temporal().causal);
}

TEST_CASE("the simple core has openretina's features") {
  auto core = reference();
  check_golden("eval", evaluated(*core));
  core->train(true);
  check_golden("train", core->forward(movie(), {}));
  check_golden("train running_mean", tensor(*core, "features.layer0.norm.running_mean"));
  check_golden("train running_var", tensor(*core, "features.layer0.norm.running_var"));
}

TEST_CASE("the simple core has openretina's gradients") {
  auto core = reference("gamma_input: 1, gamma_hidden: 2, gamma_temporal: 3, gamma_in_sparse: 4");
  (weighted_sum(evaluated(*core)) + core->penalty()).backward();
  for (const auto& [name, parameter] : core->parameters()) check_golden("gradient " + name, parameter.grad(), 1e-4);
}

TEST_CASE("every convolution type has openretina's features") {
  for (const std::string kind : {"separable", "full", "time_independent", "custom_separable"}) {
    check_golden(kind + ", hidden same", evaluated(*reference("hidden_padding: true, convolution_type: " + kind)));
  }
  check_golden("separable, hidden [1, 1, 1]",
               evaluated(*reference("convolution_type: separable, hidden_padding: [1, 1, 1]")));
}

TEST_CASE("pooling, downsampling, cutting and squashing are openretina's") {
  check_golden("pool, downsample, cut",
               evaluated(*reference("hidden_padding: true, cut_first_n_frames: 3, maxpool_every_n_layers: 2, "
                                    "downsample_input_kernel_size: [1, 2, 2]",
                                    "[2, 4, 5]", "[3, 3]")));
  check_golden("squash", evaluated(*reference("color_squashing_weights: [0.25, 0.75]", "[1, 4, 5]")));
}

TEST_CASE("penalties are openretina's") {
  for (const std::string gamma : {"gamma_input", "gamma_hidden", "gamma_temporal", "gamma_in_sparse"}) {
    check_golden(gamma, reference(gamma + ": 1")->penalty());
  }
  // As of its commit 0aadd97; the release on PyPI sums the differences before it squares them.
  CHECK(reference("gamma_temporal: 1, convolution_type: separable")->penalty().item<double>() ==
        Approx(0.01336222).epsilon(1e-5));
}

TEST_CASE("seed 0 draws openretina's weights") {
  at::manual_seed(0);
  auto core = make_core(ours, two_layers(), stimulus);
  for (const std::string layer : {"layer0", "layer1"}) {
    for (const std::string name : {"sin_weights", "cos_weights", "weight_spatial"}) {
      check_golden("seed 0 " + layer + " " + name, tensor(*core, "features." + layer + ".conv." + name));
    }
  }
  at::manual_seed(0);
  core = make_core(ours, two_layers("convolution_type: separable"), stimulus);
  check_golden("seed 0 separable space_conv", tensor(*core, "features.layer1.conv.space_conv.weight"));
  check_golden("seed 0 separable time_conv", tensor(*core, "features.layer1.conv.time_conv.weight"));
}

TEST_CASE("state has openretina's names, without its constant filters") {
  auto core =
      make_core(ours, "{channels: [1, 3], temporal_kernel_sizes: [6], spatial_kernel_sizes: [4]}", {1, 9, 8, 8});
  std::vector<std::string> names;
  for (const auto& one : core->parameters()) names.push_back(one.name);
  CHECK(names == std::vector<std::string>{"features.layer0.conv.sin_weights", "features.layer0.conv.cos_weights",
                                          "features.layer0.conv.weight_spatial", "features.layer0.norm.weight",
                                          "features.layer0.norm.bias", "features.layer0.bias.bias"});
  names.clear();
  for (const auto& one : core->buffers()) names.push_back(one.name);
  CHECK(names == std::vector<std::string>{"features.layer0.norm.running_mean", "features.layer0.norm.running_var",
                                          "features.layer0.norm.num_batches_tracked"});
}

TEST_CASE("frame by frame, with a ring for each layer or a window, the features are those of the clip") {
  for (const std::string more :
       {"hidden_padding: [0, 1, 1]", "hidden_padding: same, input_padding: [3, 2, 1]", "maxpool_every_n_layers: 1",
        "cut_first_n_frames: 3", "convolution_type: separable", "convolution_type: full"}) {
    INFO(more);
    auto core = make_core(ours, two_layers(more), stimulus);
    fill(*core);
    for (auto& [name, buffer] : core->buffers()) {  // statistics that are not those of a new core
      if (name.ends_with("running_var")) buffer.fill_(0.5);
      if (name.ends_with("running_mean")) buffer.fill_(0.1);
    }
    const auto expected = evaluated(*core);
    auto* streaming = plexiform::ability<plexiform::Streaming>(*core);
    REQUIRE(streaming);
    for (const bool graph : {false, true, false}) {  // rings have no gradients; and a second movie after the first
      const at::AutoGradMode mode(graph);
      streaming->start(2);
      std::vector<at::Tensor> bins;
      for (int64_t t = 0; t < movie().size(2); ++t) {
        const auto bin = streaming->step(movie().select(2, t), {});
        if (bin.defined()) bins.push_back(bin);
      }
      const auto features = at::stack(bins, 2);
      REQUIRE(features.sizes() == expected.sizes());
      CHECK((features - expected).abs().max().item<double>() < 1e-5 * expected.abs().max().item<double>());
    }
  }
}

TEST_CASE("a delta kernel delays the stimulus by no bin") {  // known answer: newest bin, central pixel
  auto core = make_core(ours,
                        "{channels: [1, 1], temporal_kernel_sizes: [4], spatial_kernel_sizes: [3], "
                        "convolution_type: full}",
                        {1, 9, 8, 7});
  core->train(false);
  at::NoGradGuard no_grad;
  auto kernel = tensor(*core, "features.layer0.conv.conv.weight");
  kernel.zero_();
  kernel.select(2, 3).select(2, 1).select(2, 1).fill_(1);
  const auto x = wave({1, 1, 9, 8, 7}).abs();  // ELU leaves what is positive
  const auto expected = x.slice(2, 3).slice(3, 1, 7).slice(4, 1, 6) / std::sqrt(1 + 1e-5);  // batch norm at rest
  CHECK(at::allclose(core->forward(x, {}), expected));
}

TEST_CASE("without compat, sparsity of the input is that of layer 0 alone") {
  CHECK(penalty("gamma_in_sparse: 1") + penalty("gamma_hidden: 1") ==
        Approx(penalty("gamma_in_sparse: 1", "openretina")));
}

TEST_CASE("without compat, every layer of a separable core is smoothed") {
  const std::string separable = "convolution_type: separable, gamma_temporal: 1";
  CHECK(penalty(separable) > 1.5 * penalty(separable, "openretina"));
}

TEST_CASE("without compat, the penalties of a time_independent core train it") {
  for (const std::string compat : {"", "openretina"}) {
    auto core = make_core(ours, two_layers("convolution_type: time_independent, gamma_input: 1"), stimulus, compat);
    CHECK(core->penalty().requires_grad() == compat.empty());
  }
}

TEST_CASE("without compat, pooling comes after every n layers") {
  auto size = [](const std::string& compat) {
    return make_core(ours,
                     "{channels: [1, 2, 2, 2], temporal_kernel_sizes: [3, 3, 3], "
                     "spatial_kernel_sizes: [1, 1, 1], maxpool_every_n_layers: 2}",
                     {1, 20, 16, 16}, compat)
        ->output_shape({1, 20, 16, 16})
        .height;
  };
  CHECK(size("") == 8);            // after layer 1
  CHECK(size("openretina") == 4);  // after layers 0 and 2
}

TEST_CASE("with compat, batch norm starts as openretina's shape probe leaves it") {
  auto variance = [](const std::string& compat) {
    auto core = make_core(ours, two_layers(), stimulus, compat);
    return tensor(*core, "features.layer1.norm.running_var")[0].item<double>();
  };
  CHECK(variance("") == 1);
  CHECK(variance("openretina") == Approx(0.9));
}

TEST_CASE("in float64, batches are still counted with an integer") {
  auto core = make_core(ours, two_layers(), stimulus);
  core->to(at::kCPU, at::kDouble);
  core->forward(movie().to(at::kDouble), {});
  const auto batches = tensor(*core, "features.layer0.norm.num_batches_tracked");
  CHECK(batches.scalar_type() == at::kLong);
  CHECK(batches.item<int64_t>() == 1);
}

TEST_CASE("dropout drops whole maps while training, none afterwards") {
  auto core = make_core(ours, two_layers("dropout_rate: 0.5"), stimulus);
  fill(*core);
  at::manual_seed(1);
  const auto maps = core->forward(movie(), {}).abs().amax({2, 3, 4});
  const int64_t dropped = maps.eq(0).sum().item<int64_t>();
  CHECK(dropped > 0);
  CHECK(dropped < maps.numel());
  CHECK(evaluated(*core).abs().amax({2, 3, 4}).gt(0).all().item<bool>());
}

TEST_CASE("a kernel of zeros has a finite gradient") {
  auto core = make_core(ours, two_layers("gamma_in_sparse: 1, gamma_hidden: 1, gamma_input: 1"), stimulus);
  {
    at::NoGradGuard no_grad;
    tensor(*core, "features.layer0.conv.weight_spatial").zero_();
  }
  core->penalty().backward();
  CHECK(tensor(*core, "features.layer0.conv.weight_spatial").grad().isfinite().all().item<bool>());
}

TEST_CASE("what cannot work is refused when the core is built, with the knob and a remedy") {
  auto refusal = [](const std::string& knobs, const Shape& shape = stimulus) {
    return refusal_of([&] { make_core(ours, knobs, shape); });
  };
  CHECK(refusal("{channels: [2], temporal_kernel_sizes: [], spatial_kernel_sizes: []}") ==
        "channels: has no layer\n  fix: give the stimulus' channels and those of at least one layer");
  CHECK(refusal("{channels: [2, 4], temporal_kernel_sizes: [7, 5], spatial_kernel_sizes: [5]}") ==
        "temporal_kernel_sizes: has 2 entries, not 1\n  fix: give one per layer: as many "
        "as there are hidden channels");
  CHECK(refusal(two_layers(), {1, 20, 12, 10}) ==
        "channels.0: is 2, but the stimulus has 1\n  fix: leave channels to the host, or use 1");
  CHECK(refusal(two_layers(), {2, 10, 12, 10}) ==
        "temporal_kernel_sizes.1: is longer than what reaches it, 4 bins\n"
        "  fix: shorten the kernels, lengthen the training window, or pad");
  CHECK(refusal(two_layers(), {2, 20, 4, 10}) ==
        "spatial_kernel_sizes.0: is larger than what reaches it, 4 x 10 px\n  fix: use smaller "
        "kernels, pool less, or pad");
  CHECK(refusal(two_layers("cut_first_n_frames: 30")) ==
        "cut_first_n_frames: is 30, but the layers leave 10 of the clip's 20 bins\n  fix: use at "
        "most 9, "
        "or a longer window");
  CHECK(refusal(two_layers("convolution_type: time_independent, gamma_temporal: 40")) ==
        "gamma_temporal: is 40, but time_independent has no temporal kernel to smooth\n"
        "  fix: use gamma_temporal: 0, or another convolution_type");
  CHECK(refusal("{channels: [2, 4], temporal_kernel_sizes: [2], spatial_kernel_sizes: [5]}") ==
        "temporal_kernel_sizes.0: is 2\n  fix: use at least 3 bins with custom_separable, or "
        "convolution_type: full");
  CHECK(refusal("{channels: [2, 4], temporal_kernel_sizes: [5], spatial_kernel_sizes: [1], "
                "gamma_input: 1}") ==
        "gamma_input: is 1, but a kernel of 1 px has no roughness\n"
        "  fix: use gamma_input: 0, or at least 3 px for spatial_kernel_sizes.0");
  CHECK(refusal(two_layers("downsample_input_kernel_size: [2, 1, 1]")) ==
        "downsample_input_kernel_size: is not [1, height, width]\n"
        "  fix: give three numbers, the first of them 1: predictions come at the rate of the "
        "responses");
  CHECK(refusal(two_layers("hidden_padding: [same, valid]")) ==
        "hidden_padding: has 2 entries, not 1\n"
        "  fix: give one padding for all layers after layer 0, or one for each");
  CHECK(refusal(two_layers("hidden_padding: 1.5")) ==
        "hidden_padding: is 1.5, not a padding, or a list of them with one per layer\n"
        "  fix: use a padding, or a list of them with one per layer (zeros around "
        "the input of the layers "
        "after layer 0, the same for all or one by one)");
  CHECK(refusal(two_layers("convolution_type: seperable")) ==
        "convolution_type: is 'seperable'\n"
        "  fix: did you mean 'separable'? use one of: custom_separable, separable, full, "
        "time_independent");
}

TEST_CASE("openretina's name asks for the weights that it asks for") {
  CHECK_THROWS_WITH(make_core(theirs, two_layers(), stimulus), ContainsSubstring("gamma_input: is missing"));
}

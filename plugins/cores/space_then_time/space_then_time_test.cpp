#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/equal.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::Shape;

namespace {

const std::string ours = "plexiform.cores.SpaceThenTime";

// The fixture of make_golden.py: a core that sees each frame on its own.
std::shared_ptr<plexiform::Core> frame_by_frame(const std::string& more = "") {
  auto core = make_core(ours,
                        "{channels: [2, 4, 4, 4], spatial_kernel_sizes: [5, 3, 3], gamma_input: 1" +
                            (more.empty() ? "" : ", " + more) + "}",
                        {2, 3, 9, 8});
  fill(*core, 1.0);
  core->train(false);
  return core;
}

at::Tensor movie() { return wave({2, 2, 3, 9, 8}); }

std::string refusal(const std::string& knobs) {
  return refusal_of([&] { make_core(ours, knobs, {2, 6, 9, 8}); });
}

}  // namespace

TEST_CASE("the space-then-time core keeps the core contract, whatever its options") {
  check_core_contract(ours,
                      "{channels: [2, 3, 2], spatial_kernel_sizes: [3, 2], temporal_kernel_sizes: [3, 2], "
                      "gamma_input: 0.1, gamma_hidden: 0.2, gamma_temporal: 0.3}",
                      {2, 6, 6, 7});
  check_core_contract(ours,
                      "{channels: [2, 4, 4], spatial_kernel_sizes: [3, 3], temporal_kernel_sizes: [1, 3], "
                      "depth_separable: true, residual: true, squeeze_excite_layers: 2, squeeze_reduction: 2, "
                      "hidden_padding: same_space, nonlinearity: Tanh}",
                      {2, 5, 6, 5});
  check_core_contract(
      ours,
      "{channels: [1, 3, 3], spatial_kernel_sizes: [3, 3], temporal_kernel_sizes: [3, 4], residual: true, "
      "input_padding: same, hidden_padding: same, squeeze_excite_layers: 1}",
      {1, 4, 5, 6});
}

TEST_CASE("a core that makes bins before the first frame takes no movie frame by frame") {
  auto streams = [](const std::string& padding) {
    const std::string knobs =
        "{channels: [2, 3, 2], spatial_kernel_sizes: [3, 2], temporal_kernel_sizes: [3, 5], "
        "hidden_padding: false, input_padding: " +
        padding + "}";
    check_core_contract(ours, knobs, {2, 9, 6, 7});
    return plexiform::ability<plexiform::Streaming>(*make_core(ours, knobs, {2, 9, 6, 7})) != nullptr;
  };
  CHECK(streams("[1, 0, 0]"));  // two zeros, three bins: the first is the first frame's
  CHECK_FALSE(streams("[2, 0, 0]"));
}

TEST_CASE("frame by frame it is neuralpredictors' core, plain and depth-separable") {
  check_golden("plain", frame_by_frame()->forward(movie(), {}));
  check_golden("separable", frame_by_frame("depth_separable: true")->forward(movie(), {}));
  check_golden("linear end, padded input",
               frame_by_frame("input_padding: same_space, final_nonlinearity: false")->forward(movie(), {}));
  check_golden("gamma_input", frame_by_frame()->penalty());
}

TEST_CASE("squeezing and exciting is neuralpredictors', in value and gradient") {
  auto core = frame_by_frame("depth_separable: true, squeeze_excite_layers: 2, squeeze_reduction: 2");
  const auto output = core->forward(movie(), {});
  check_golden("squeezed", output);
  weighted_sum(output).backward();
  auto gradient = [&](const std::string& part) { return tensor(*core, "features.layer1." + part + ".weight").grad(); };
  check_golden("squeezed, gradient spatial_conv", gradient("spatial_conv").squeeze(2), 1e-4);
  check_golden("squeezed, gradient in_depth_conv", gradient("in_depth_conv").squeeze(2), 1e-4);
  check_golden("squeezed, gradient excite", gradient("squeeze_excite.excite"), 1e-4);
}

TEST_CASE("space then time is one convolution with their product") {
  auto core = make_core(
      ours, "{channels: [2, 3], spatial_kernel_sizes: [3], temporal_kernel_sizes: [4], nonlinearity: Identity}",
      {2, 7, 6, 5});
  core->train(false);
  const auto space = tensor(*core, "features.layer0.spatial_conv.weight").squeeze(2);         // m i h w
  const auto time = tensor(*core, "features.layer0.time_conv.weight").squeeze(4).squeeze(3);  // o m t
  const auto x = wave({2, 2, 7, 6, 5});
  const auto expected = at::conv3d(x, at::einsum("omt,mihw->oithw", {time, space})) / std::sqrt(1 + 1e-5);
  CHECK(at::allclose(core->forward(x, {}), expected, 1e-5, 1e-6));
}

TEST_CASE("a residual layer that has nothing to add passes the last bins of its input on") {
  auto core = make_core(
      ours, "{channels: [1, 2, 2], spatial_kernel_sizes: [1, 3], temporal_kernel_sizes: [1, 3], residual: true}",
      {1, 6, 5, 4});
  core->train(false);
  at::NoGradGuard no_grad;
  tensor(*core, "features.layer0.spatial_conv.weight").fill_(1);
  tensor(*core, "features.layer1.norm.weight").zero_();
  const auto x = wave({1, 1, 6, 5, 4}).abs();  // ELU leaves what is positive
  const auto passed = (x / std::sqrt(1 + 1e-5)).expand({1, 2, 6, 5, 4}).slice(2, 2);
  CHECK(at::allclose(core->forward(x, {}), passed));
}

TEST_CASE("attention to whole frames looks at each bin alone") {
  auto core = frame_by_frame("squeeze_excite_layers: 3, squeeze_reduction: 1");
  auto other = movie().clone();
  other.select(2, 2).mul_(3);
  CHECK(at::allclose(core->forward(movie(), {}).slice(2, 0, 2), core->forward(other, {}).slice(2, 0, 2)));
}

TEST_CASE("a layer of few channels is squeezed to one unit at least") {
  auto core = frame_by_frame("squeeze_excite_layers: 1");  // 4 channels, 16 to a unit
  CHECK(tensor(*core, "features.layer2.squeeze_excite.squeeze.weight").sizes() == at::IntArrayRef{1, 4});
}

TEST_CASE("what cannot work is refused when the core is built, with the knob and a remedy") {
  CHECK(refusal("{channels: [2, 3, 4], spatial_kernel_sizes: [3, 3], residual: true}") ==
        "residual: is true, but layer 1 turns 3 channels into 4\n"
        "  fix: give all layers the same channels, or use residual: false");
  CHECK(refusal("{channels: [2, 3, 3], spatial_kernel_sizes: [3, 3], residual: true, hidden_padding: false}") ==
        "residual: is true, but layer 1 turns (C 3, T 6, H 7, W 6) into (C 3, T 6, H 5, W 4)\n"
        "  fix: use hidden_padding: same_space, or residual: false");
  CHECK(refusal("{channels: [2, 3], spatial_kernel_sizes: [3], depth_separable: true, gamma_hidden: 1}") ==
        "gamma_hidden: is 1, but a depth-separable kernel has one input\n"
        "  fix: use gamma_hidden: 0, or depth_separable: false");
  CHECK(refusal("{channels: [2, 3], spatial_kernel_sizes: [3], squeeze_excite_layers: 2}") ==
        "squeeze_excite_layers: is 2, more than the layers that there are\n  fix: use at most 1");
  CHECK(refusal("{channels: [2, 3], spatial_kernel_sizes: [3], temporal_kernel_sizes: [3, 3]}") ==
        "temporal_kernel_sizes: has 2 entries, not 1\n"
        "  fix: give one per layer: as many as there are hidden channels");
  CHECK(refusal("{channels: [2, 3], spatial_kernel_sizes: [3], temporal_kernel_sizes: [7]}") ==
        "temporal_kernel_sizes.0: is longer than what reaches it, 6 bins\n"
        "  fix: shorten the kernels, lengthen the training window, or pad");
}

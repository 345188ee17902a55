// What every readout gets from DriveReadout, seen through one that hands the sum of its features on.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <plexiform/layers/readout.h>
#include <testing.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

using namespace plexiform::testing;
using namespace plexiform::layers;
using plexiform::Given;

namespace {

// Each neuron n is driven by the pixel at (row 1, column n + 1) of channel 0.
struct Pixels final : DriveReadout {
  explicit Pixels(const ReadoutKnobs& knobs, int64_t neurons = 2, const std::string& compat = "")
      : DriveReadout({.features = {1, 3, 3, 5},
                      .session = "a",
                      .neurons = neurons,
                      .mean_activity = torch::tensor({0.5f, 2.0f}),
                      .compat = compat},
                     knobs) {}
  at::Tensor drive(const at::Tensor& x) override { return x.select(1, 0).select(2, 1).slice(2, 1, 1 + neurons); }
  using DriveReadout::initial_bias;
};

at::Tensor features() { return wave({2, 1, 3, 3, 5}); }

ReadoutKnobs linear() {
  ReadoutKnobs knobs;
  knobs.nonlinearity = "identity";
  return knobs;
}

}  // namespace

TEST_CASE("a monotone spline is the integral of its slopes, and goes on straight beyond its knots") {
  ReadoutKnobs knobs = linear();
  knobs.spline_knots = 3;
  knobs.spline_range = 1;  // knots at -1, 0, 1
  Output output(knobs, 2);
  const auto x = torch::tensor({-3.0f, -1.0f, -0.5f, 0.0f, 0.5f, 1.0f, 4.0f}).view({1, 7, 1}).expand({1, 7, 2});
  CHECK(at::allclose(output.forward(x), x));  // it starts as the identity
  at::NoGradGuard no_grad;
  auto slopes = output.parameters()[0];
  slopes.select(1, 0).copy_(torch::tensor({1.0f, 2.0f, 3.0f}).log());
  // Neuron 0: from 0 to x, 2 u + u^2 / 2 between the knots, slope 1 below and 3 above.
  const auto expected = torch::tensor({-3.5f, -1.5f, -0.875f, 0.0f, 1.125f, 2.5f, 11.5f});
  CHECK(at::allclose(output.forward(x).select(2, 0).squeeze(0), expected));
  CHECK(at::allclose(output.forward(x).select(2, 1), x.select(2, 1)));  // neuron 1 has its own
}

TEST_CASE("a monotone spline rises whatever its parameters") {
  ReadoutKnobs knobs;
  knobs.spline_knots = 9;
  Output output(knobs, 3);
  at::NoGradGuard no_grad;
  output.parameters()[0].copy_(3 * wave({9, 3}));
  const auto x = torch::linspace(-8, 8, 400).view({1, 400, 1}).expand({1, 400, 3});
  CHECK(output.forward(x).diff(1, 1).min().item<double>() >= 0);
}

TEST_CASE("a single knot makes no spline") {
  ReadoutKnobs knobs;
  knobs.spline_knots = 1;
  CHECK_THROWS_WITH(Output(knobs, 2), "spline_knots: is 1\n  fix: use 0 for no spline, or at least 2");
}

TEST_CASE("a readout looks where the eyes look: x along the columns, y along the rows, frame by frame") {
  ReadoutKnobs knobs = linear();
  knobs.eye_position = "pupil";
  Pixels readout(knobs);
  const auto eye = torch::zeros({2, 4, 2});  // a bin more than the features
  CHECK(at::allclose(readout.forward(features(), Given("a", {{"pupil", eye + 0.3}})), readout.drive(features())));
  at::NoGradGuard no_grad;
  // tanh(b) = 1/2 along x: a quarter of the map's 4 pixels between outer centres, 1 px to the right. -1 along y: to the top.
  tensor(readout, "shifter.network.0.bias").copy_(torch::tensor({std::atanh(0.5f), -20.0f}));
  const auto seen = readout.forward(features(), Given("a", {{"pupil", eye}}));
  CHECK(at::allclose(seen, features().select(1, 0).select(2, 0).slice(2, 2, 4), 1e-4, 1e-5));
  // By the eye's position of the same bin: only the last frame is looked at elsewhere.
  tensor(readout, "shifter.network.0.bias").zero_();
  tensor(readout, "shifter.network.0.weight").copy_(torch::tensor({{1.0f, 0.0f}, {0.0f, 0.0f}}));
  auto last = eye.clone();
  last.select(1, 3).select(1, 0).fill_(std::atanh(0.5f));
  const auto moved = readout.forward(features(), Given("a", {{"pupil", last}}));
  CHECK(at::allclose(moved.slice(1, 0, 2), readout.drive(features()).slice(1, 0, 2)));
  CHECK(at::allclose(moved.select(1, 2), features().select(1, 0).select(1, 2).select(1, 1).slice(1, 2, 4), 1e-4, 1e-5));
}

TEST_CASE("the first bias evokes the mean activity, with openretina's compat it is the mean activity") {
  plexiform::ReadoutContext context;
  context.mean_activity = torch::tensor({0.5f, 2.0f});
  Pixels sound({}), quirky({}, 2, "openretina");
  CHECK(at::allclose(at::softplus(sound.initial_bias(context)), context.mean_activity));
  CHECK(at::equal(quirky.initial_bias(context), context.mean_activity));
}

TEST_CASE("what the animal does scales the rates, by a positive gain that starts as 1") {
  ReadoutKnobs knobs = linear();
  knobs.gain_from = "running";
  knobs.gain_hidden = 0;
  Pixels readout(knobs);
  const auto speed = wave({2, 5, 1});
  const Given given("a", {{"running", speed}});
  const auto plain = readout.drive(features());
  CHECK(at::allclose(readout.forward(features(), given), plain));
  at::NoGradGuard no_grad;
  tensor(readout, "gain.network.0.weight").copy_(torch::tensor({2.0f, -100.0f}).view({2, 1}));
  const auto gain = readout.forward(features(), given) / plain;
  CHECK(at::allclose(gain.select(2, 0), 1 + at::elu(2 * speed.slice(1, 2).squeeze(2)), 1e-4, 1e-5));  // the last bins
  CHECK(gain.min().item<double>() >= 0);
}

TEST_CASE("a batch without the traces that a readout asks for is refused, by name") {
  ReadoutKnobs knobs = linear();
  knobs.gain_from = "running";
  Pixels readout(knobs);
  CHECK_THROWS_WITH(readout.forward(features(), Given("a")),
                    "gain_from: a batch of session 'a' has no 'running'\n"
                    "  fix: record it with every stimulus, or leave gain_from out");
}

TEST_CASE("maps are masked, weighted and summed in the order in which they lie in memory") {
  at::manual_seed(5);
  const auto maps = torch::randn({2, 3, 4, 5, 6}), masks = torch::randn({30, 7}), weights = torch::randn({3, 7});
  const auto expected = at::einsum("bctp,pn,cn->btn", {maps.flatten(3), masks, weights});
  const auto turned = maps.transpose(1, 2).contiguous().transpose(1, 2);
  CHECK_FALSE(plexiform::layers::by_bins(maps));
  CHECK(plexiform::layers::by_bins(turned));
  for (const auto& x : {maps, turned})
    CHECK(at::allclose(plexiform::layers::masked_sum(x, masks, weights), expected, 1e-4, 1e-5));
}

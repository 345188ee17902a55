#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.SplineMask";

ReadoutContext context() {
  return {.features = {4, 6, 8, 6}, .session = "a", .neurons = 3, .mean_activity = {}, .compat = ""};
}

std::shared_ptr<plexiform::Readout> linear(const std::string& knobs) {
  auto readout = make_readout(ours, "{bias: false, nonlinearity: identity, " + knobs + "}", context());
  fill(*readout, 1);
  return readout;
}

// The mask (N, H, W), by showing one pixel at a time.
at::Tensor masks(plexiform::Readout& readout) {
  at::NoGradGuard no_grad;
  tensor(readout, "features").fill_(1);
  auto pixels = at::zeros({48, 4, 1, 8, 6});
  for (int64_t i = 0; i < 48; ++i) pixels[i][0][0][i / 6][i % 6] = 48;  // a mean over 48 pixels
  return readout.forward(pixels, {}).squeeze(1).t().view({-1, 8, 6});
}

}  // namespace

TEST_CASE("the spline mask keeps the readout contract") {
  check_readout_contract(ours, "{}", context());
  check_readout_contract(ours, "{knots: [4, 7], positive: true, spline_knots: 5, nonlinearity: exp}", context());
}

TEST_CASE("the spline mask is the surface that SciPy's splines make") {
  auto readout = linear("knots: [7, 5]");
  check_golden("rates", readout->forward(wave({2, 4, 6, 8, 6}), {}));
  check_golden("masks", masks(*readout));
}

TEST_CASE("even coefficients make an even mask, a ramp of them a ramp, along rows and along columns") {
  auto readout = linear("knots: [7, 5]");
  at::NoGradGuard no_grad;
  auto coefficients = tensor(*readout, "coefficients");
  coefficients.select(2, 0).fill_(2);
  coefficients.select(2, 1).copy_(((at::arange(7, at::kFloat) - 1) / 4).unsqueeze(1).expand({7, 5}));
  coefficients.select(2, 2).copy_(((at::arange(5, at::kFloat) - 1) / 2).expand({7, 5}));
  const auto seen = masks(*readout);
  const auto down = (at::arange(8, at::kFloat) + 0.5) / 8, right = (at::arange(6, at::kFloat) + 0.5) / 6;
  CHECK(at::allclose(seen[0], at::zeros({8, 6}) + 2));
  CHECK(at::allclose(seen[1], down.unsqueeze(1).expand({8, 6}), 1e-5, 1e-6));
  CHECK(at::allclose(seen[2], right.expand({8, 6}), 1e-5, 1e-6));
}

TEST_CASE("a ramp does not bend, a hat does") {
  auto readout = make_readout(ours, "{smooth_reg: 1, mask_l1_reg: 0, feature_weights_l1_reg: 0}", context());
  at::NoGradGuard no_grad;
  auto coefficients = tensor(*readout, "coefficients");
  coefficients.copy_(
      (at::arange(6, at::kFloat).view({6, 1, 1}) - 2 * at::arange(6, at::kFloat).view({1, 6, 1})).expand({6, 6, 3}));
  CHECK(readout->penalty().item<double>() == Approx(0).margin(1e-6));
  coefficients.zero_();
  coefficients[2][2].fill_(1);  // -1 2 -1 along both axes, over 1
  CHECK(readout->penalty().item<double>() == Approx(12).epsilon(1e-4));
}

TEST_CASE("positive masks and weights are put right after a step") {
  auto readout = make_readout(ours, "{positive: true}", context());
  fill(*readout);
  at::NoGradGuard no_grad;
  readout->project();
  CHECK(tensor(*readout, "coefficients").min().item<double>() == 0);
  CHECK(tensor(*readout, "features").min().item<double>() == 0);
}

TEST_CASE("a grid of knots has two sides") {
  CHECK_THROWS_AS(make_readout(ours, "{knots: [6]}", context()), plexiform::Error);
}

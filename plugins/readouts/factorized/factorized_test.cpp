#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.Factorized",
                  theirs = "openretina.modules.readout.multi_readout.MultiFactorizedReadout",
                  single = "openretina.modules.readout.factorized.KlindtReadoutWrapper3D";
const std::string knobs =
    "mask_l1_reg: 5, weights_l1_reg: 4, laplace_mask_reg: 3, readout_bias: true, init_scales: [[0, 0.15], [0, 0.15]]";

ReadoutContext context(const std::string& compat = "") {
  return {.features = {4, 6, 8, 6},
          .session = "a",
          .neurons = 3,
          .mean_activity = at::tensor({0.2f, 1.0f, 3.0f}),
          .compat = compat,
          .info = {{"masks", wave({3, 1, 11, 8})}, {"weights", wave({4, 3}).t()}, {"small", wave({3, 4, 4})}}};
}

at::Tensor features() { return wave({2, 4, 6, 8, 6}); }

std::shared_ptr<plexiform::Readout> reference(const std::string& more) {
  auto readout = make_readout(theirs, "{" + knobs + more + "}", context("openretina"));
  fill(*readout);
  return readout;
}

std::string refusal(const std::string& name, const std::string& all_knobs) {
  return refusal_of([&] { make_readout(name, all_knobs, context()); });
}

}  // namespace

TEST_CASE("the factorised readout keeps the readout contract") {
  check_readout_contract(ours, "{}", context());
  check_readout_contract(ours, "{weights_constraint: absnorm, mask_constraint: abs, readout_bias: false}", context());
  check_readout_contract(ours, "{weights_constraint: norm, spline_knots: 4, readout_reg_avg: true}", context());
  check_readout_contract(theirs, "{" + knobs + "}", context("openretina"));
  check_readout_contract(single, "{" + knobs + ", mask_size: [8, 6]}", context());
}

TEST_CASE("the factorised readout has openretina's rates, penalties and gradients under each constraint") {
  for (const std::string constraint : {"abs", "norm", "absnorm"}) {
    auto readout = reference(", mask_constraint: abs, weights_constraint: " + constraint);
    const auto rates = readout->forward(features(), {});  // constraints are applied there
    check_golden(constraint + " rates", rates);
    check_golden(constraint + " penalty", readout->penalty());
    (weighted_sum(rates) + readout->penalty()).backward();
    for (const auto& [name, parameter] : readout->parameters()) {
      check_golden(constraint + " gradient " + name, parameter.grad(), 1e-4);
    }
  }
  auto mean = reference(", mask_constraint: abs, weights_constraint: absnorm, readout_reg_avg: true");
  mean->forward(features(), {});
  check_golden("penalty mean", mean->penalty());
}

TEST_CASE("without a bias the mean activity is not added, in openretina neither") {
  auto readout = make_readout(theirs,
                              "{mask_l1_reg: 5, weights_l1_reg: 4, laplace_mask_reg: 3, "
                              "init_scales: [[0, 0.15], [0, 0.15]]}",
                              context("openretina"));
  fill(*readout);
  check_golden("plain rates", readout->forward(features(), {}));
}

TEST_CASE("seed 0 draws openretina's masks and weights") {
  at::manual_seed(0);
  auto drawn = make_readout(theirs, "{" + knobs + "}", context("openretina"));
  check_golden("seed 0 mask_weights", tensor(*drawn, "mask_weights"));
  check_golden("seed 0 feature_weights", tensor(*drawn, "feature_weights"));
}

TEST_CASE("first masks are cut from the middle of what the session has") {
  auto readout = make_readout(ours, "{init_mask: masks, init_weights: weights}", context());
  check_golden("cut masks", tensor(*readout, "mask_weights"));
  CHECK(at::allclose(tensor(*readout, "feature_weights"), wave({4, 3})));
}

TEST_CASE("a mask of one pixel sees that pixel, row by row") {
  auto readout = make_readout(ours, "{readout_bias: false, nonlinearity: identity}", context());
  at::NoGradGuard no_grad;
  tensor(*readout, "mask_weights").zero_()[2 * 6 + 5].fill_(1);  // row 2, column 5 of 8 x 6
  tensor(*readout, "feature_weights").zero_()[3].fill_(1);
  const auto seen = features().select(1, 3).select(2, 2).select(2, 5);  // (B, T)
  CHECK(at::allclose(readout->forward(features(), {}).select(2, 1), seen));
}

TEST_CASE("a new readout looks at all of the map") {
  auto readout = make_readout(ours, "{readout_bias: false, nonlinearity: identity}", context());
  const auto ones = features() * 0 + 1;
  CHECK(at::allclose(readout->forward(ones, {}), ones.sum(1).select(2, 0).select(2, 0).unsqueeze(2) / 4, 0.2));
}

TEST_CASE("constraints hold after a step; the mean of the penalties is a third of their sum") {
  auto readout = make_readout(ours, "{mask_constraint: abs, weights_constraint: absnorm}", context());
  fill(*readout);
  readout->project();
  CHECK(tensor(*readout, "mask_weights").min().item<double>() >= 0);
  CHECK(tensor(*readout, "feature_weights").min().item<double>() >= 0);
  CHECK(at::allclose(tensor(*readout, "feature_weights").square().sum(0), at::tensor({1.0f, 1.0f, 1.0f})));
  auto mean = make_readout(ours, "{readout_reg_avg: true}", context());
  auto sum = make_readout(ours, "{}", context());
  fill(*mean);
  fill(*sum);
  CHECK(3 * mean->penalty().item<double>() == Approx(sum->penalty().item<double>()));
}

TEST_CASE("what does not fit the map is refused") {
  CHECK(refusal(ours, "{mask_size: 8}") ==
        "mask_size: is 8, but the core makes (C 4, T 6, H 8, W 6)\n  fix: remove mask_size: the host knows it");
  CHECK(refusal(ours, "{init_mask: small}") ==
        "init_mask: 'small' is no mask of at least the features (C 4, T 6, H 8, W 6)\n"
        "  fix: store (neurons, height, width)");
  CHECK(refusal(ours, "{init_scales: [[0, -1], [0, 1]]}").find("init_scales: is [[0.0,-1.0],[0.0,1.0]]") == 0);
}

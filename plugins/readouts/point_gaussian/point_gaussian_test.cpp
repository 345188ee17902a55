#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.PointGaussian",
                  multi = "openretina.modules.readout.multi_readout.MultiSampledGaussianReadout",
                  single = "openretina.modules.readout.gaussian.FullGaussian2d";
const std::string knobs = "bias: true, init_mu_range: 0.1, init_sigma_range: 0.15, gamma: 0.4";

ReadoutContext context(const std::string& compat = "") {
  return {.features = {4, 6, 8, 6},
          .session = "a",
          .neurons = 3,
          .mean_activity = {},
          .compat = compat,
          .info = {{"positions", wave({3, 2})}, {"start", wave({3, 2}) / 2}, {"cells", at::tensor({7, 2, 7})}}};
}

at::Tensor features() { return wave({2, 4, 6, 8, 6}); }

std::shared_ptr<plexiform::Readout> reference(const std::string& more = "") {
  auto readout = make_readout(multi, "{" + knobs + more + "}", context("openretina"));
  fill(*readout, 0.5);
  return readout;
}

at::Tensor in_evaluation(plexiform::Readout& readout) {
  readout.train(false);
  return readout.forward(features(), {});
}

// What one neuron without noise, bias or nonlinearity sees of all channels at (x, y).
at::Tensor seen(double x, double y) {
  ReadoutContext one = context();
  one.neurons = 1;
  auto readout = make_readout(ours, "{bias: false, nonlinearity: identity}", one);
  at::NoGradGuard no_grad;
  tensor(*readout, "_features").fill_(1);
  tensor(*readout, "_mu").copy_(at::tensor({x, y}).view({1, 1, 1, 2}));
  return in_evaluation(*readout).squeeze(2);
}

}  // namespace

TEST_CASE("the point Gaussian keeps the readout contract") {
  check_readout_contract(ours, "{}", context());
  check_readout_contract(ours, "{gauss_type: isotropic, batch_sample: false, spline_knots: 5}", context());
  check_readout_contract(ours, "{grid_mean_predictor: {hidden_layers: 1, final_tanh: true}}", context());
  check_readout_contract(ours, "{shared_features: {match_ids: [7, 2, 7]}, shared_grid: {match_ids: [1, 1, 0]}}",
                         context());
  check_readout_contract(ours, "{eye_position: pupil, gain_from: running, gain_inputs: 2}", context());
  check_readout_contract(multi, "{" + knobs + "}", context("openretina"));
  check_readout_contract(single, "{bias: true, gauss_type: uncorrelated}", context());
}

TEST_CASE("the point Gaussian has openretina's rates, penalties and gradients") {
  for (const std::string type : {"full", "uncorrelated", "isotropic"}) {
    auto readout = reference(", gauss_type: " + type);
    check_golden(type + " eval", in_evaluation(*readout));
    readout->train(true);
    at::manual_seed(3);
    const auto rates = readout->forward(features(), {});
    check_golden(type + " train", rates);
    check_golden(type + " penalty", readout->penalty());
    (weighted_sum(rates) + readout->penalty()).backward();
    for (const auto& [name, parameter] : readout->parameters()) {
      check_golden(type + " gradient " + name, parameter.grad(), 1e-4);
    }
  }
}

TEST_CASE("one draw for all, edges for corners, mean penalties: as openretina's knobs say") {
  auto once = reference(", batch_sample: false");
  at::manual_seed(3);
  check_golden("one draw", once->forward(features(), {}));
  check_golden("edges", in_evaluation(*reference(", align_corners: false")));
  check_golden("penalty mean", reference(", reg_avg: true")->penalty());
}

TEST_CASE("neurons of one id share their point and their features, as in openretina") {
  auto readout = reference(", shared_features: {match_ids: [7, 2, 7]}, shared_grid: {match_ids: [1, 1, 0]}");
  check_golden("shared", in_evaluation(*readout));
  check_golden("shared penalty", readout->penalty());
}

TEST_CASE("points are predicted from positions as in openretina") {
  auto readout = make_readout(single,
                              "{bias: true, gamma_readout: 0.4, grid_mean_predictor: {hidden_layers: 1, "
                              "hidden_features: 5, final_tanh: true}}",
                              context("openretina"));
  fill(*readout, 0.5);
  check_golden("source grid", tensor(*readout, "source_grid"));
  const auto rates = in_evaluation(*readout);
  check_golden("predicted", rates);
  weighted_sum(rates).backward();
  for (const auto& [name, parameter] : readout->parameters()) {
    if (parameter.grad().defined()) check_golden("predicted gradient " + name, parameter.grad(), 1e-4);
  }
}

TEST_CASE("seed 0 draws openretina's points, one session") {
  ReadoutContext larger = context("openretina");
  larger.features = {5, 10, 8, 6};
  at::manual_seed(0);
  auto drawn = make_readout(multi, "{" + knobs + "}", larger);
  check_golden("seed 0 _mu", tensor(*drawn, "_mu"));
  check_golden("seed 0 sigma", tensor(*drawn, "sigma"));
  at::manual_seed(0);
  auto predicted = make_readout(single, "{bias: true, grid_mean_predictor: {hidden_layers: 1, hidden_features: 5}}",
                                context("openretina"));
  check_golden("seed 0 mu_transform.2.weight", tensor(*predicted, "mu_transform.2.weight"));
  check_golden("seed 0 predicted sigma", tensor(*predicted, "sigma"));
}

TEST_CASE("a point on a pixel's centre sees that pixel, x along the columns") {
  const auto all = features().sum(1);  // (B, T, H, W)
  CHECK(at::allclose(seen(1, -1), all.select(2, 0).select(2, 5), 1e-4, 1e-5));
  CHECK(at::allclose(seen(-1 + 2 * 2.0 / 5, -1 + 3 * 2.0 / 7), all.select(2, 3).select(2, 2), 1e-4, 1e-4));
}

TEST_CASE("a point is drawn for each clip, openretina draws one for each frame") {
  const auto still = features().slice(2, 0, 1).expand({2, 4, 6, 8, 6});
  for (const std::string compat : {"", "openretina"}) {
    auto readout = make_readout(ours, "{}", context(compat));
    fill(*readout, 0.5);
    const auto rates = readout->forward(still, {});
    CHECK(at::allclose(rates.select(1, 0), rates.select(1, 5)) == compat.empty());
    CHECK_FALSE(at::allclose(rates.select(0, 0), rates.select(0, 1)));
  }
}

TEST_CASE("the draws have the covariance sigma sigma^T, and sigma d along each axis when uncorrelated") {
  ReadoutContext one = context();
  one.neurons = 1;
  one.features = {2, 1, 33, 33};
  // Two maps that say where they are looked at: x and y.
  const auto ramp = at::stack({at::arange(33), at::arange(33)}).to(at::kFloat) / 16 - 1;
  const auto maps = at::stack({ramp[0].unsqueeze(0).expand({33, 33}), ramp[0].unsqueeze(1).expand({33, 33})});
  auto covariance = [&](const std::string& type, const at::Tensor& sigma) {
    auto readout = make_readout(ours, "{bias: false, nonlinearity: identity, gauss_type: " + type + "}", one);
    at::NoGradGuard no_grad;
    tensor(*readout, "_mu").zero_();
    tensor(*readout, "sigma").copy_(sigma.view(tensor(*readout, "sigma").sizes()));
    std::vector<at::Tensor> coordinates;
    for (int axis : {0, 1}) {
      at::manual_seed(5);
      tensor(*readout, "_features").zero_().select(1, axis).fill_(1);
      const auto clips = maps.view({1, 2, 1, 33, 33}).expand({20000, 2, 1, 33, 33});
      coordinates.push_back(readout->forward(clips, {}).flatten());
    }
    const auto points = at::stack(coordinates);
    return at::matmul(points, points.t()) / 20000;
  };
  const auto sigma = at::tensor({0.2f, 0.1f, 0.0f, 0.1f}).view({2, 2});  // x takes part of y's noise
  CHECK(at::allclose(covariance("full", sigma), at::matmul(sigma, sigma.t()), 0.05, 1e-3));
  CHECK(at::allclose(covariance("uncorrelated", at::tensor({0.2f, 0.1f})),
                     at::tensor({0.04f, 0.0f, 0.0f, 0.01f}).view({2, 2}), 0.05, 1e-3));
}

TEST_CASE("points start where the data say, and are put back on the map after a step") {
  auto readout = make_readout(ours, "{init_grid: start}", context());
  const auto mu = tensor(*readout, "_mu");
  CHECK(at::allclose(mu.view({3, 2}), wave({3, 2}) / 2));
  at::NoGradGuard no_grad;
  mu.fill_(1.5);
  const auto outside = in_evaluation(*readout);
  CHECK(mu.eq(1.5).all().item<bool>());
  readout->project();
  CHECK(mu.eq(1).all().item<bool>());
  CHECK(at::equal(in_evaluation(*readout), outside));
}

TEST_CASE("what the data do not hold, and ids that fit no neuron, are refused") {
  auto refusal = [](const std::string& all_knobs) {
    return refusal_of([&] { make_readout(ours, all_knobs, context()); });
  };
  CHECK(refusal("{init_grid: places}") ==
        "init_grid: the data of session 'a' have no 'places'\n"
        "  fix: name one of those they have: positions, start, cells");
  CHECK(refusal("{source_grid: nosuch}") ==
        "source_grid: the data of session 'a' have no 'nosuch'\n"
        "  fix: name one of those they have: positions, start, cells");
  CHECK(refusal("{shared_features: {match_ids: [1, 2]}}") ==
        "shared_features: match_ids is [1,2]\n"
        "  fix: give one whole number for each of the 3 neurons of 'a', or their name in the data");
  CHECK(refusal("{grid_mean_predictor: {hidden_layer: 1}}") ==
        "grid_mean_predictor.hidden_layer: no such parameter\n  fix: did you mean 'hidden_layers'?");
  CHECK(refusal("{grid_mean_predictor: {}, shared_grid: {match_ids: cells}}") ==
        "shared_grid: is set beside grid_mean_predictor\n  fix: set one of them");
}

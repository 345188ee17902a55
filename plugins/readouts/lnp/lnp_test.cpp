#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.LNP",
                  theirs = "openretina.modules.readout.multi_readout.MultipleLNPReadout",
                  single = "openretina.modules.readout.linear_nonlinear_poison.LNPReadout";

ReadoutContext context(const std::string& compat = "", const at::Tensor& activity = {}) {
  return {.features = {2, 6, 8, 6}, .session = "a", .neurons = 3, .mean_activity = activity, .compat = compat};
}

at::Tensor movie() { return wave({2, 2, 6, 8, 6}); }

}  // namespace

TEST_CASE("the LNP readout keeps the readout contract") {
  check_readout_contract(ours, "{sparse_weight: 1, smooth_weight: 1}", context());
  check_readout_contract(ours, "{temporal_kernel_size: 3, smooth_weight: 1, spline_knots: 3}", context());
  check_readout_contract(theirs, "{smooth_weight: 1, smooth_regularizer: GaussianLaplaceL2}", context("openretina"));
  check_readout_contract(single, "{nonlinearity: softplus, bias: true}", context("openretina"));
}

TEST_CASE("the LNP readout has openretina's rates, penalties and gradients") {
  const std::pair<std::string, std::string> cases[] = {
      {"softplus", "{nonlinearity: softplus, smooth_weight: 1, sparse_weight: 2, bias: true}"},
      {"exp", "{smooth_weight: 1, smooth_regularizer: GaussianLaplaceL2}"},
      {"no padding", "{smooth_weight: 1, laplace_padding: 0}"}};
  for (const auto& [name, knobs] : cases) {
    auto readout = make_readout(theirs, knobs, context("openretina"));
    fill(*readout);
    const auto rates = readout->forward(movie(), {});
    check_golden(name + " rates", rates);
    check_golden(name + " penalty", readout->penalty());
    (weighted_sum(rates) + readout->penalty()).backward();
    check_golden(name + " gradient", tensor(*readout, "inner_product_kernel.weight").grad(), 1e-4);
  }
}

TEST_CASE("seed 0 draws openretina's filters") {
  at::manual_seed(0);
  auto drawn = make_readout(theirs, "{bias: true}", context("openretina"));
  check_golden("seed 0 weight", tensor(*drawn, "inner_product_kernel.weight"));
  check_golden("seed 0 bias", tensor(*drawn, "inner_product_kernel.bias"));
}

TEST_CASE("the last bin of a filter is the newest: a delta there hands the movie on, a delta at 0 delays it") {
  auto readout = make_readout(ours, "{temporal_kernel_size: 3, bias: false, nonlinearity: identity}", context());
  at::NoGradGuard no_grad;
  const auto weight = tensor(*readout, "inner_product_kernel.weight");  // (N, C, K, H, W)
  weight.zero_();
  weight[0][1][2][4][5] = 1;
  weight[1][1][0][4][5] = 1;
  const auto rates = readout->forward(movie(), {});  // bins 2 to 5
  const auto pixel = movie().select(1, 1).select(2, 4).select(2, 5);
  CHECK(at::allclose(rates.select(2, 0), pixel.slice(1, 2)));
  CHECK(at::allclose(rates.select(2, 1), pixel.slice(1, 0, 4)));
}

TEST_CASE("the mean activity is what a silent frame evokes") {
  const auto activity = at::tensor({0.1f, 1.0f, 20.0f});
  const auto rates = make_readout(ours, "{}", context("", activity))->forward(movie() * 0, {});
  CHECK(at::allclose(rates.select(0, 0).select(0, 0), activity, 1e-4));
}

TEST_CASE("a spline starts as the nonlinearity alone") {
  for (const std::string f : {"softplus", "exp"}) {
    auto plain = make_readout(ours, "{nonlinearity: " + f + "}", context());
    auto with = make_readout(ours, "{spline_knots: 7, spline_range: 0.5, nonlinearity: " + f + "}", context());
    fill(*plain, 0.02);
    at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : plain->parameters()) tensor(*with, name).copy_(parameter);
    CHECK(at::allclose(with->forward(movie(), {}), plain->forward(movie(), {}), 1e-5));
  }
}

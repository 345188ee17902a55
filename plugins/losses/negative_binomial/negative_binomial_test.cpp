#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.NegativeBinomial";

plexiform::LossContext sessions() {
  plexiform::LossContext context;
  context.sessions = {{"a", 3, {}}, {"b", 2, {}}};
  return context;
}

at::Tensor rate() { return 0.4 * wave({2, 20, 3}) + 1; }
at::Tensor counts() { return (4 * wave({2, 26, 3}).abs()).round(); }

at::Tensor of_session(plexiform::Loss& loss, const at::Tensor& prediction, const at::Tensor& target) {
  auto* session_loss = plexiform::ability<plexiform::SessionLoss>(loss);
  REQUIRE(session_loss);
  return session_loss->forward(prediction, target, plexiform::Given("a"));
}

std::shared_ptr<plexiform::Loss> reference(const std::string& knobs) {
  auto loss = make_loss(ours, knobs, sessions());
  at::NoGradGuard no_grad;
  tensor(*loss, "log_dispersion.a").copy_(at::tensor({-2.0f, 0.0f, 1.0f}));
  return loss;
}

}  // namespace

TEST_CASE("the negative binomial keeps the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{avg: false, bias: 0}");
  check_loss_contract(ours, "{per_neuron: true}");
}

TEST_CASE("the negative binomial is the likelihood that torch.distributions has, gradients included") {
  check_golden("mean", of_session(*reference("{bias: 0}"), rate(), counts()));
  check_golden("per neuron", of_session(*reference("{per_neuron: true, bias: 0}"), rate(), counts()));
  auto sum = reference("{avg: false, bias: 0}");
  auto leaf = rate().requires_grad_(true);
  of_session(*sum, leaf, counts()).backward();
  check_golden("gradient", leaf.grad(), 1e-4);
  check_golden("gradient log_dispersion", tensor(*sum, "log_dispersion.a").grad(), 1e-4);
}

TEST_CASE("without dispersion counts are Poisson's") {
  auto loss = make_loss(ours, "{dispersion: 1e-4, bias: 0}");
  const auto y = counts().slice(1, 6);
  const double poisson = (rate() - y * rate().log()).mean().item<double>();
  CHECK(loss->forward(rate(), counts()).item<double>() == Approx(poisson).epsilon(1e-3));
}

TEST_CASE("each neuron of each session has a dispersion of its own, or all one where none is known") {
  std::vector<std::string> names;
  for (const auto& one : make_loss(ours, "{}", sessions())->parameters()) names.push_back(one.name);
  CHECK(names == std::vector<std::string>{"log_dispersion.a", "log_dispersion.b"});
  CHECK(make_loss(ours, "{}")->parameters().at(0).name == "log_dispersion.all");
}

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

const std::string ours = "plexiform.losses.ZeroInflatedGamma";

plexiform::LossContext sessions() {
  plexiform::LossContext context;
  context.sessions = {{"a", 3, {}}};
  return context;
}

at::Tensor rate() { return 0.4 * wave({2, 20, 3}) + 1; }
at::Tensor activity() { return wave({2, 26, 3}).clamp_min(0) + 0.01; }

at::Tensor of_session(plexiform::Loss& loss, const at::Tensor& prediction, const at::Tensor& target) {
  auto* session_loss = plexiform::ability<plexiform::SessionLoss>(loss);
  REQUIRE(session_loss);
  return session_loss->forward(prediction, target, plexiform::Given("a"));
}

std::shared_ptr<plexiform::Loss> reference(const std::string& knobs) {
  auto loss = make_loss(ours, knobs, sessions());
  at::NoGradGuard no_grad;
  tensor(*loss, "logit_q.a").copy_(at::tensor({-1.0f, 0.0f, 2.0f}));
  tensor(*loss, "log_k.a").copy_(at::tensor({0.5f, 0.0f, -0.5f}));
  return loss;
}

double cost(double prediction, double y) {
  auto one = [](double value) { return at::tensor({static_cast<float>(value)}).view({1, 1, 1}); };
  return make_loss(ours, "{loc: 0.5}")->forward(one(prediction), one(y)).item<double>();
}

}  // namespace

TEST_CASE("the zero-inflated gamma keeps the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{avg: false, loc: 0.3}");
  check_loss_contract(ours, "{per_neuron: true}");
}

TEST_CASE("the zero-inflated gamma is the mixture that torch.distributions has, gradients included") {
  check_golden("mean", of_session(*reference("{loc: 0.25}"), rate(), activity()));
  check_golden("per neuron", of_session(*reference("{loc: 0.25, per_neuron: true}"), rate(), activity()));
  auto sum = reference("{loc: 0.25, avg: false}");
  auto leaf = rate().requires_grad_(true);
  of_session(*sum, leaf, activity()).backward();
  check_golden("gradient", leaf.grad(), 1e-4);
  check_golden("gradient logit_q", tensor(*sum, "logit_q.a").grad(), 1e-4);
  check_golden("gradient log_k", tensor(*sum, "log_k.a").grad(), 1e-4);
}

TEST_CASE("nothing costs the same whatever was predicted, activity costs an exponential when k is 1") {
  // q = 1/2, k = 1: silent ln(2 loc) = 0 for loc 1/2; active ln 2 + ln theta + (y - loc) / theta, theta = 2 prediction.
  CHECK(cost(3, 0.1) == Approx(0).margin(1e-6));
  CHECK(cost(7, 0.4) == Approx(0).margin(1e-6));
  CHECK(cost(3, 2.5) == Approx(std::log(2) + std::log(6) + 2.0 / 6).epsilon(1e-5));
}

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <plexiform/abilities.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.Correlation",
                  theirs = "openretina.modules.losses.correlation.CorrelationLoss3d",
                  by_type = "openretina.modules.losses.correlation.CelltypeCorrelationLoss3d",
                  sparse = "openretina.modules.losses.correlation.L1CorrelationLoss3d",
                  in_windows = "openretina.modules.losses.correlation.ScaledCorrelationLoss3d";

double score(const at::Tensor& prediction, const at::Tensor& target) {
  return make_loss(ours, "{negate: false}")->forward(prediction, target).item<double>();
}

// One session of three neurons, of types 1, 2, 1.
plexiform::LossContext typed() {
  plexiform::LossContext context;
  context.sessions = {{"a", 3, {{"group_assignment", at::tensor({1, 2, 1})}}}};
  return context;
}

at::Tensor rate() { return 0.4 * wave({2, 20, 3}) + 1; }
at::Tensor recorded() { return wave({2, 26, 3}).abs() + 0.1; }

at::Tensor of_session(plexiform::Loss& loss, const at::Tensor& prediction, const at::Tensor& target) {
  auto* session_loss = plexiform::ability<plexiform::SessionLoss>(loss);
  REQUIRE(session_loss);
  return session_loss->forward(prediction, target, plexiform::Given("a"));
}

}  // namespace

TEST_CASE("the mean, per-neuron and summed correlation keep the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{per_neuron: true, negate: false}");
  check_loss_contract(theirs, "{}");
  check_loss_contract(ours, "{scale: 5, gamma_l1: 0.1}");
  check_loss_contract(by_type, "{}");
  check_loss_contract(in_windows, "{}");
}

TEST_CASE("scale and offset do not change a correlation, its sign does") {
  const auto x = wave({2, 30, 3});
  CHECK(score(3 * x + 5, x) == Approx(1));
  CHECK(score(-x, x) == Approx(-1));
}

TEST_CASE("a signal that does not vary correlates with nothing") {
  const auto x = wave({2, 30, 3});
  CHECK(score(x * 0 + 1, x) == 0);
}

TEST_CASE("the loss is the negative score") {
  const auto x = wave({1, 40, 2}), y = x.square();
  CHECK(make_loss(ours, "{}")->forward(x, y).item<double>() == Approx(-score(x, y)));
}

TEST_CASE("the correlation loss has openretina's numbers") {
  const auto rate = 0.4 * wave({2, 20, 3}) + 1, target = wave({2, 26, 3}).abs() + 0.1;
  check_golden("Corr sum", make_loss(theirs, "{}")->forward(rate, target));
  check_golden("Corr avg nonneg", make_loss(theirs, "{avg: true, negate: false}")->forward(rate, target));
  check_golden("Corr per_neuron", make_loss(theirs, "{per_neuron: true}")->forward(rate, target));
}

TEST_CASE("the correlation loss has openretina's gradient") {
  auto leaf = rate().requires_grad_(true);
  make_loss(theirs, "{}")->forward(leaf, recorded()).backward();
  check_golden("Corr gradient", leaf.grad(), 1e-4);
}

TEST_CASE("correlations by cell type, with sparse rates, and in windows have openretina's numbers") {
  auto types = make_loss(by_type, "{group_counts: [2, 3]}", typed());
  check_golden("cell types sum", of_session(*types, rate(), recorded()));
  auto single = make_loss(by_type, "{group_counts: [2, 3], per_neuron: true}", typed());
  check_golden("cell types per_neuron", of_session(*single, rate(), recorded()));
  auto mean =
      make_loss("openretina.modules.measures.CelltypeCorrelationLoss3d", "{group_counts: [2, 3], avg: true}", typed());
  check_golden("measures cell types", of_session(*mean, rate(), recorded()));
  check_golden("L1 sum", make_loss(sparse, "{}")->forward(rate(), recorded()));
  check_golden("L1 avg", make_loss(sparse, "{avg: true}")->forward(rate(), recorded()));
  check_golden("windows of 5", make_loss(in_windows, "{scale: 5}")->forward(rate(), recorded()));
  check_golden("windows of 7",
               make_loss(in_windows, "{scale: 7, avg: true, negate: false}")->forward(rate(), recorded()));
  check_golden("windows of 7 per_neuron",
               make_loss(in_windows, "{scale: 7, per_neuron: true}")->forward(rate(), recorded()));
  check_golden(
      "measures windows",
      make_loss("openretina.modules.measures.ScaledCorrelationLoss3d", "{scale: 5}")->forward(rate(), recorded()));
  auto leaf = rate().requires_grad_(true);
  make_loss(in_windows, "{scale: 7}")->forward(leaf, recorded()).backward();
  check_golden("windows gradient", leaf.grad(), 1e-4);
}

TEST_CASE("what is slower than a window does not count") {
  const auto fast = wave({1, 8, 1}), slow = at::cat({fast + 5, fast - 3}, 1), other = at::cat({fast, fast + 9}, 1);
  CHECK(make_loss(ours, "{negate: false}")->forward(slow, other).item<double>() < 0);
  CHECK(make_loss(ours, "{negate: false, scale: 8}")->forward(slow, other).item<double>() == Approx(1));
}

TEST_CASE("a clip shorter than a window is one window") {
  CHECK(make_loss(in_windows, "{}")->forward(rate(), recorded()).item<double>() ==
        Approx(make_loss(theirs, "{}")->forward(rate(), recorded()).item<double>()));
}

#include <ATen/TensorOperators.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.Correlation",
                  theirs = "openretina.modules.losses.correlation.CorrelationLoss3d";

double score(const at::Tensor& prediction, const at::Tensor& target) {
  return make_loss(ours, "{negate: false}")->forward(prediction, target).item<double>();
}

}  // namespace

TEST_CASE("the mean, per-neuron and summed correlation keep the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{per_neuron: true, negate: false}");
  check_loss_contract(theirs, "{}");
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

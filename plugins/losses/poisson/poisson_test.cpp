#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.Poisson", theirs = "openretina.modules.losses.poisson.PoissonLoss3d";

at::Tensor rates(std::vector<double> values) { return at::tensor(values).view({1, -1, 1}); }

}  // namespace

TEST_CASE("the mean, per-neuron and summed Poisson losses keep the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{per_neuron: true}");
  check_loss_contract(theirs, "{}");
}

TEST_CASE("a rate of 1 costs 1, whatever was recorded") {  // 1 - y ln 1
  CHECK(make_loss(ours, "{}")->forward(rates({1, 1}), rates({0, 5})).item<double>() == Approx(1));
}

TEST_CASE("a rate of e costs e minus the recorded count") {
  const double e = std::exp(1.0);
  CHECK(make_loss(ours, "{}")->forward(rates({e}), rates({2})).item<double>() == Approx(e - 2));
}

TEST_CASE("openretina's name sums where ours averages") {
  const auto rate = rates({1, 1, 1, 1}), target = rates({0, 1, 2, 3});
  CHECK(make_loss(ours, "{}")->forward(rate, target).item<double>() == Approx(1));
  CHECK(make_loss(theirs, "{}")->forward(rate, target).item<double>() == Approx(4));
}

TEST_CASE("a rate of 0 where a spike was recorded is dear, not infinite") {
  const auto loss = make_loss(ours, "{}")->forward(rates({0}), rates({1})).item<double>();
  CHECK(loss == Approx(-std::log(1e-8)));
}

TEST_CASE("a prediction for one neuron is not spread over three") {
  const auto one = wave({2, 5, 1}), three = wave({2, 5, 3});
  CHECK_THROWS_WITH(make_loss(ours, "{}")->forward(one, three),
                    "a prediction of shape (2, 5, 1) cannot be compared with a target of (2, 5, 3)\n"
                    "  fix: give both (batch, time, neurons) with the same batch and neurons, and no more "
                    "predicted "
                    "bins than recorded");
}

TEST_CASE("the Poisson loss has openretina's numbers") {
  const auto rate = 0.4 * wave({2, 20, 3}) + 1, target = wave({2, 26, 3}).abs() + 0.1;
  check_golden("Poisson sum", make_loss(theirs, "{}")->forward(rate, target));
  check_golden("Poisson avg", make_loss(theirs, "{avg: true}")->forward(rate, target));
  check_golden("Poisson per_neuron", make_loss(theirs, "{per_neuron: true}")->forward(rate, target));
}

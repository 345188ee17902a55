#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;

namespace {

const std::string ours = "plexiform.losses.MSE", theirs = "openretina.modules.losses.mse.MSE3d";

}  // namespace

TEST_CASE("the mean, per-neuron and summed squared error keep the loss contract") {
  check_loss_contract(ours, "{}");
  check_loss_contract(ours, "{per_neuron: true}");
  check_loss_contract(theirs, "{}");
}

TEST_CASE("an error of 2 costs 4, averaged by our name and summed by openretina's") {
  const auto rate = at::tensor({3.0f, 3.0f}).view({1, 2, 1}), target = at::tensor({9.0f, 1.0f, 5.0f}).view({1, 3, 1});
  CHECK(make_loss(ours, "{}")->forward(rate, target).item<double>() == Approx(4));
  CHECK(make_loss(theirs, "{}")->forward(rate, target).item<double>() == Approx(8));
}

TEST_CASE("the squared error has openretina's number") {
  const auto rate = 0.4 * wave({2, 20, 3}) + 1, target = wave({2, 26, 3}).abs() + 0.1;
  check_golden("MSE", make_loss(theirs, "{}")->forward(rate, target));
}

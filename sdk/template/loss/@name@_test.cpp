#include <ATen/ops/full.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;

TEST_CASE("@name@ keeps the loss contract") { check_loss_contract("mylab.losses.@Name@", "{}"); }

TEST_CASE("a rate of 8 where 3 was recorded costs 4, with an offset of 1") {  // (2 sqrt 9 - 2 sqrt 4)^2
  const auto loss = make_loss("mylab.losses.@Name@", "{offset: 1}");
  CHECK(loss->forward(at::full({1, 2, 3}, 8.), at::full({1, 5, 3}, 3.)).item<double>() == Catch::Approx(4));
}

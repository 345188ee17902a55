#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;

TEST_CASE("@name@ keeps the core contract") {
  check_core_contract("mylab.cores.@Name@", "{features: 3, bins: 3, kernel: 3}", {2, 7, 6, 5});
}

TEST_CASE("one filter of drive 3 is divided by the root of 4^2 + 3^2") {
  auto core = make_core("mylab.cores.@Name@", "{features: 1, bins: 1, kernel: 1, semi_saturation: 4}", {1, 2, 2, 2});
  at::NoGradGuard no_grad;
  tensor(*core, "filter").fill_(3);
  CHECK(core->forward(at::ones({1, 1, 2, 2, 2}), {}).min().item<double>() == Catch::Approx(3.0 / 5));
}

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>

using namespace plexiform::testing;

TEST_CASE("@name@ keeps the readout contract") {
  check_readout_contract("mylab.readouts.@Name@", "{}", {{3, 4, 6, 5}, "retina_1", 2, {}, ""});
}

TEST_CASE("weights of one sum features and pixels") {
  auto readout = make_readout("mylab.readouts.@Name@", "{}", {{2, 1, 3, 4}, "retina_1", 1, {}, ""});
  at::NoGradGuard no_grad;
  for (const char* name : {"what", "row", "column"}) tensor(*readout, name).fill_(1);
  tensor(*readout, "bias").fill_(-24);  // 2 features x 3 x 4 pixels of 1, less 24
  CHECK(readout->forward(at::ones({1, 2, 1, 3, 4}), {}).item<double>() == Catch::Approx(std::log(2)));
}

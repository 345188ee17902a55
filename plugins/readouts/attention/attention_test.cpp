#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.Attention";

ReadoutContext context() {
  return {.features = {4, 6, 8, 6}, .session = "a", .neurons = 3, .mean_activity = {}, .compat = ""};
}

at::Tensor features() { return wave({2, 4, 6, 8, 6}); }

std::shared_ptr<plexiform::Readout> silent() {
  auto readout = make_readout(ours, "{bias: false, nonlinearity: identity}", context());
  at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : readout->parameters()) parameter.zero_();
  return readout;
}

}  // namespace

TEST_CASE("the attention readout keeps the readout contract") {
  check_readout_contract(ours, "{}", context());
  check_readout_contract(ours, "{spline_knots: 4, readout_reg_avg: false, bias: false}", context());
}

TEST_CASE("the attention readout is softmax attention as PyTorch computes it") {
  auto readout = make_readout(ours, "{}", context());
  fill(*readout, 1);
  check_golden("rates", readout->forward(features(), {}));
}

TEST_CASE("who asks for nothing sees the mean of the map; who asks for a place sees that place, row first") {
  auto readout = silent();
  at::NoGradGuard no_grad;
  tensor(*readout, "features")[2].fill_(1);
  tensor(*readout, "row")[5][1] = 60;
  tensor(*readout, "column")[3][1] = 60;
  const auto map = features().select(1, 2), rates = readout->forward(features(), {});
  CHECK(at::allclose(rates.select(2, 0), map.mean(at::IntArrayRef{2, 3}), 1e-4, 1e-6));
  CHECK(at::allclose(rates.select(2, 1), map.select(2, 5).select(2, 3), 1e-4, 1e-6));
}

TEST_CASE("who asks for a feature looks where that is largest, in each bin anew") {
  auto readout = silent();
  at::NoGradGuard no_grad;
  tensor(*readout, "features")[0].fill_(1);
  tensor(*readout, "query")[0].fill_(2000);
  const auto largest = features().select(1, 0).flatten(2).amax(2);  // (B, T)
  CHECK(at::allclose(readout->forward(features(), {}).select(2, 2), largest, 1e-3, 1e-3));
}

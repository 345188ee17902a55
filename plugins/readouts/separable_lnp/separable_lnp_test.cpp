#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

using namespace plexiform::testing;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.SeparableLNP",
                  theirs = "openretina.models.linear_nonlinear.SingleCellSeparatedLNP";

ReadoutContext context(int64_t neurons, const std::string& compat = "") {
  return {.features = {2, 6, 8, 6}, .session = "a", .neurons = neurons, .compat = compat};
}

at::Tensor movie() { return wave({2, 2, 9, 8, 6}); }

}  // namespace

TEST_CASE("the separable LNP readout keeps the readout contract") {
  check_readout_contract(ours, "{rank: 2, smooth_weight_spat: 1, smooth_weight_temp: 1, sparse_weight: 1}", context(3));
  check_readout_contract(ours, "{temporal_kernel_size: 3, spat_kernel_size: [5, 3], normalize_weights: true}",
                         context(3));
  // Where openretina normalises the filters inside forward, that writes to what is differentiated.
  check_readout_contract(theirs, "{spat_kernel_size: [8, 6], smooth_weight_spat: 1, normalize_weights: false}",
                         context(1, "openretina"));
}

TEST_CASE("the separable LNP readout has openretina's rates, penalties and gradients") {
  const std::pair<std::string, std::string> cases[] = {
      {"softplus",
       "{spat_kernel_size: [8, 6], rank: 2, smooth_weight_spat: 1, smooth_weight_temp: 2, sparse_weight: 3}"},
      {"relu",
       "{spat_kernel_size: [8, 6], smooth_weight_spat: 1, smooth_regularizer_spat: GaussianLaplaceL2, "
       "nonlinearity: relu, normalize_weights: false}"}};
  for (const auto& [name, knobs] : cases) {
    auto readout = make_readout(theirs, knobs, context(1, "openretina"));
    fill(*readout);
    if (name == "softplus") {
      const at::NoGradGuard no_grad;
      tensor(*readout, "output.nonlinearity.w").fill_(1.3);
    }
    const auto rates = readout->forward(movie(), {});
    check_golden(name + " rates", rates);
    check_golden(name + " penalty", readout->penalty());
    (weighted_sum(rates) + readout->penalty()).backward();
    check_golden(name + " space gradient", tensor(*readout, "space_conv.weight").grad(), 1e-4);
    check_golden(name + " time gradient", tensor(*readout, "time_conv.weight").grad(), 1e-4);
  }
}

TEST_CASE("a patch around the receptive field is cut where openretina cuts it") {
  auto readout = make_readout(theirs, "{spat_kernel_size: [5, 4], rf_location: [4, 3], nonlinearity: softplus}",
                              context(1, "openretina"));
  fill(*readout);
  check_golden("cropped rates", readout->forward(movie(), {}));
}

TEST_CASE("seed 0 draws openretina's separable filters") {
  at::manual_seed(0);
  auto drawn = make_readout(theirs, "{spat_kernel_size: [8, 6], rank: 2}", context(1, "openretina"));
  check_golden("seed 0 space", tensor(*drawn, "space_conv.weight"));
  check_golden("seed 0 time", tensor(*drawn, "time_conv.weight"));
}

TEST_CASE("each neuron has filters of its own: a delta hands its pixel on, delayed by its place in time") {
  auto readout = make_readout(ours, "{temporal_kernel_size: 3, bias: false, nonlinearity: identity}", context(2));
  const at::NoGradGuard no_grad;
  const auto space = tensor(*readout, "space_conv.weight"), time = tensor(*readout, "time_conv.weight");
  space.zero_();
  time.zero_();
  space[0][1][0][4][5] = 1;
  space[1][0][0][2][3] = 1;
  time[0][0][2] = 1;                                 // the newest bin
  time[1][0][0] = 1;                                 // two bins before
  const auto rates = readout->forward(movie(), {});  // bins 2 to 8
  CHECK(at::allclose(rates.select(2, 0), movie().select(1, 1).select(2, 4).select(2, 5).slice(1, 2)));
  CHECK(at::allclose(rates.select(2, 1), movie().select(1, 0).select(2, 2).select(2, 3).slice(1, 0, 7)));
}

TEST_CASE("normalised filters have norm 1 from the start and after each step") {
  auto readout = make_readout(ours, "{rank: 2, normalize_weights: true}", context(3));
  const auto norms = [&] { return tensor(*readout, "time_conv.weight").flatten(1).norm(2, 1); };
  CHECK(at::allclose(norms(), at::ones({3})));
  const at::NoGradGuard no_grad;
  tensor(*readout, "time_conv.weight").mul_(7);
  readout->project();
  CHECK(at::allclose(norms(), at::ones({3})));
}

TEST_CASE("a patch that leaves the frame is refused") {
  CHECK_THROWS_WITH(make_readout(theirs, "{}", context(1)),
                    "spat_kernel_size: a patch of 15 x 15 px around (4, 3) leaves the features (C 2, T 6, H 8, W 6)\n"
                    "  fix: use a smaller patch, or another rf_location");
}

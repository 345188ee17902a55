#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.GaussianMask",
                  theirs = "openretina.modules.readout.multi_readout.MultiGaussianMaskReadout";
const std::string knobs = "scale: true, bias: true, gaussian_mean_scale: 6, gaussian_var_scale: 4, positive: true";

ReadoutContext context(const std::string& compat = "", const at::Tensor& activity = {}) {
  return {.features = {4, 6, 8, 6}, .session = "a", .neurons = 3, .mean_activity = activity, .compat = compat};
}

at::Tensor features() { return wave({2, 4, 6, 8, 6}); }

std::shared_ptr<plexiform::Readout> reference(const std::string& all_knobs, const at::Tensor& activity = {}) {
  auto readout = make_readout(theirs, "{" + all_knobs + "}", context("openretina", activity));
  fill(*readout);
  return readout;
}

// One neuron with the given window and the sum of all channels, no bias.
at::Tensor seen(double row, double column, double log_var, const at::Tensor& x) {
  ReadoutContext one = context();
  one.neurons = 1;
  auto readout =
      make_readout(ours, "{bias: false, nonlinearity: identity, gaussian_mean_scale: 1, gaussian_var_scale: 1}", one);
  at::NoGradGuard no_grad;
  tensor(*readout, "features").fill_(1);
  tensor(*readout, "mask_mean").copy_(at::tensor({row, column}).view({1, 2}));
  tensor(*readout, "mask_log_var").fill_(log_var);
  return readout->forward(x, {}).squeeze(2);  // (B, T')
}

}  // namespace

TEST_CASE("the Gaussian mask keeps the readout contract") {
  check_readout_contract(ours, "{}", context());
  check_readout_contract(ours, "{" + knobs + ", readout_reg_avg: false}", context());
  check_readout_contract(ours, "{nonlinearity: exp, bias: false}", context());
  check_readout_contract(ours, "{eye_position: pupil, eye_hidden: 3, gain_from: running, spline_knots: 5}", context());
  check_readout_contract(theirs, "{" + knobs + "}", context("openretina"));
}

TEST_CASE("the Gaussian mask has openretina's rates and penalties") {
  auto readout = reference(knobs);
  check_golden("rates", readout->forward(features(), {}));
  check_golden("penalty sum", readout->penalty());
  auto mean = reference(knobs + ", readout_reg_avg: true");
  mean->forward(features(), {});  // `positive` is applied there
  check_golden("penalty mean", mean->penalty());
}

TEST_CASE("the Gaussian mask has openretina's gradients") {
  auto readout = reference(knobs);
  const auto rates = readout->forward(features(), {});  // `positive` is applied there
  (weighted_sum(rates) + readout->penalty()).backward();
  for (const auto& [name, parameter] : readout->parameters()) check_golden("gradient " + name, parameter.grad(), 1e-4);
}

TEST_CASE("with compat, distances are clamped as openretina clamps them") {
  auto readout = reference(knobs);
  at::NoGradGuard no_grad;
  tensor(*readout, "mask_log_var").fill_(-1.5);
  check_golden("narrow rates", readout->forward(features(), {}));
}

TEST_CASE("with compat, the mean activity is added without a bias") {
  const auto activity = at::tensor({0.5, 1.0, 2.0});
  const std::string no_bias = "scale: true, bias: false, gaussian_mean_scale: 6, gaussian_var_scale: 4, positive: true";
  check_golden("no bias, mean activity", reference(no_bias, activity)->forward(features(), {}));
  auto sound = make_readout(ours, "{" + no_bias + "}", context("", activity));
  CHECK(sound->buffers().empty());
}

TEST_CASE("many clips at once give the rates and gradients of each alone") {
  auto many = context();
  many.neurons = 60;
  auto readout = make_readout(ours, "{" + knobs + "}", many);
  fill(*readout);
  const auto x =
      wave({40, 4, 6, 8, 6});  // 240 bins for 48 px: channels and pixels in one sum; for the 6 of a clip in two
  const auto together = readout->forward(x, {});
  weighted_sum(together).backward();
  std::vector<at::Tensor> gradients;
  for (auto& [name, parameter] : readout->parameters()) {
    gradients.push_back(parameter.grad());
    parameter.mutable_grad() = at::Tensor();
  }
  std::vector<at::Tensor> each;
  for (int64_t b = 0; b < x.size(0); ++b) each.push_back(readout->forward(x.slice(0, b, b + 1), {}));
  CHECK(at::allclose(together, at::cat(each), 1e-5, 1e-6));
  weighted_sum(at::cat(each)).backward();
  auto check_gradients = [&] {
    auto parameters = readout->parameters();
    for (size_t k = 0; k < gradients.size(); ++k) {
      CHECK(at::allclose(parameters[k].tensor.grad(), gradients[k], 1e-4, 1e-5));
      parameters[k].tensor.mutable_grad() = at::Tensor();
    }
  };
  check_gradients();
  const auto by_bins = x.transpose(1, 2).contiguous().transpose(1, 2);  // as features that several readouts share
  const auto again = readout->forward(by_bins, {});
  CHECK(at::allclose(together, again, 1e-5, 1e-6));
  weighted_sum(again).backward();
  check_gradients();
}

TEST_CASE("seed 0 draws openretina's weights, session after session") {
  at::manual_seed(0);
  ReadoutContext b = context("openretina"), a = b;
  b.features = a.features = {5, 10, 8, 6};
  a.neurons = 2;
  auto of_b = make_readout(theirs, "{" + knobs + "}", b), of_a = make_readout(theirs, "{" + knobs + "}", a);
  check_golden("seed 0 b features", tensor(*of_b, "features"));
  check_golden("seed 0 b scale_param", tensor(*of_b, "scale_param"));
  check_golden("seed 0 a features", tensor(*of_a, "features"));
  check_golden("seed 0 a scale_param", tensor(*of_a, "scale_param"));
}

TEST_CASE("a wide window sees the mean of the map") {
  const auto x = features();
  CHECK(at::allclose(seen(0, 0, 15, x), x.sum(1).mean(at::IntArrayRef{2, 3}), 1e-4, 1e-5));
}

TEST_CASE("a narrow window sees the pixel that it is on, row first") {
  const auto x = features();
  // 8 x 6 px: rows from -1 to 1 in steps of 2/7, columns from -0.75 to 0.75 in steps of 1.5/5.
  CHECK(at::allclose(seen(-1, 0.75, -8, x), x.sum(1).select(2, 0).select(2, 5), 1e-4, 1e-5));
  CHECK(at::allclose(seen(-1 + 3 * 2.0 / 7, -0.75 + 1.5 / 5, -8, x), x.sum(1).select(2, 3).select(2, 1), 1e-4, 1e-5));
}

TEST_CASE("a narrow window that lies between pixels still has a gradient towards them") {
  ReadoutContext one = context();
  one.neurons = 1;
  auto readout = make_readout(ours, "{mask_l1_reg: 0}", one);
  {
    at::NoGradGuard no_grad;
    tensor(*readout, "mask_log_var").fill_(-2);  // 0.02 of the map's half height, a tenth of a pixel
  }
  readout->forward(features(), {}).sum().backward();
  CHECK(tensor(*readout, "mask_mean").grad().abs().max().item<double>() > 1e-3);
}

TEST_CASE("a new readout predicts the mean activity where the features are silent") {
  const auto activity = at::tensor({0.002, 0.5, 30.0});
  for (const std::string f : {"softplus", "exp"}) {
    auto readout = make_readout(ours, "{nonlinearity: " + f + "}", context("", activity));
    const auto rate = readout->forward(features() * 0, {}).select(0, 0).select(0, 0);
    CHECK(at::allclose(rate, activity.to(at::kFloat), 1e-4, 1e-6));
  }
}

TEST_CASE("a silent neuron starts at a rate that can still be trained") {
  auto readout = make_readout(ours, "{}", context("", at::tensor({0.0, 0.0, 0.0})));
  CHECK(tensor(*readout, "bias").min().item<double>() > -7);
}

TEST_CASE("positive weights are put right after a step, not inside forward") {
  for (const std::string compat : {"", "openretina"}) {
    auto readout = make_readout(ours, "{positive: true}", context(compat));
    fill(*readout);
    const auto weights = tensor(*readout, "features");
    const bool negative = weights.lt(0).any().item<bool>();
    REQUIRE(negative);
    readout->forward(features(), {});
    CHECK(weights.lt(0).any().item<bool>() == compat.empty());
    readout->project();
    CHECK_FALSE(weights.lt(0).any().item<bool>());
  }
}

TEST_CASE("our penalty does not grow with the number of neurons, openretina's does") {
  auto penalty = [](const std::string& name, int64_t neurons) {
    ReadoutContext n = context();
    n.neurons = neurons;
    auto readout = make_readout(name, "{" + knobs + ", mask_l1_reg: 1, feature_weights_l1_reg: 0}", n);
    return readout->penalty().item<double>();  // windows are new: variance 1, centred
  };
  CHECK(penalty(ours, 3) == Approx(1));
  CHECK(penalty(ours, 6) == Approx(1));
  CHECK(penalty(theirs, 6) == Approx(6));
}

TEST_CASE("an in_shape that is not the core's is refused") {
  CHECK_NOTHROW(make_readout(ours, "{in_shape: [4, 6, 8, 6]}", context()));
  CHECK_NOTHROW(make_readout(ours, "{in_shape: null}", context()));
  CHECK(refusal_of([] { make_readout(ours, "{in_shape: [4, 6, 6, 8]}", context()); }) ==
        "in_shape: is [4,6,6,8], but the core makes (C 4, T 6, H 8, W 6)\n"
        "  fix: remove in_shape: the host knows it");
}

TEST_CASE("the three names that openretina's configs use are one readout") {
  for (const std::string& name :
       {theirs, std::string("openretina.modules.readout.multi_readout.MultiGaussianReadoutWrapper")}) {
    CHECK(make_readout(name, "{" + knobs + "}", context())->parameters().size() == 5);
    CHECK_THROWS_AS(make_readout(name, "{}", context()), plexiform::Error);  // no defaults there
  }
  auto single = make_readout("openretina.modules.readout.factorized_gaussian.GaussianMaskReadout", "{}", context());
  CHECK(single->parameters().size() == 4);  // no scale
}

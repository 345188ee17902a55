#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::ReadoutContext;

namespace {

const std::string ours = "plexiform.readouts.SpatialContrast",
                  theirs = "openretina.modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout";
const std::string knobs = "{w_init: 0.3, a_init: 2, b_init: 1, c_init: -1, neuron_chunk_size: 2}";

ReadoutContext context(const std::string& compat = "") {
  return {.features = {1, 12, 8, 6},
          .session = "a",
          .neurons = 3,
          .mean_activity = {},
          .compat = compat,
          .info = {{"spatial_filters", wave({3, 8, 6}).square()}, {"temporal_filters", wave({3, 5})}}};
}

at::Tensor movie() { return wave({2, 1, 12, 8, 6}); }

}  // namespace

TEST_CASE("the spatial-contrast readout keeps the readout contract") {
  check_readout_contract(ours, knobs, context());
  check_readout_contract(theirs, knobs, context("openretina"));
}

TEST_CASE("the spatial-contrast readout has openretina's rates and gradients") {
  for (const std::string compat : {"openretina", ""}) {  // far from the floor both are the same
    auto readout = make_readout(theirs, knobs, context(compat));
    const auto rates = readout->forward(movie(), {});
    check_golden("rates", rates);
    weighted_sum(rates).backward();
    for (const auto& [name, parameter] : readout->parameters()) {
      check_golden("gradient " + name, parameter.grad(), 1e-4);
    }
  }
}

TEST_CASE("the last bin of a temporal filter is the newest") {
  ReadoutContext last = context();
  last.info[1].tensor = at::zeros({3, 5});
  last.info[1].tensor.select(1, 4).fill_(1);
  auto readout = make_readout(ours, "{w_init: 0, a_init: 1, b_init: 1, c_init: 0}", last);
  const auto weight = last.info[0].tensor[1];
  const auto mean = (movie().select(1, 0) * weight).sum(at::IntArrayRef{2, 3}) / weight.sum();  // (B, T)
  CHECK(at::allclose(readout->forward(movie(), {}).select(2, 1), (mean.slice(1, 4).exp() + 1).log(), 1e-4, 1e-5));
}

TEST_CASE("contrast is the weighted deviation within the receptive field, and nothing on an even field") {
  ReadoutContext two = context();
  two.neurons = 1;
  two.info[0].tensor = at::zeros({1, 8, 6});
  two.info[0].tensor[0][0][0] = 3;
  two.info[0].tensor[0][7][5] = 1;  // two pixels, weighted 3 : 1
  two.info[1].tensor = at::tensor({1.0f}).view({1, 1});
  auto readout = make_readout(ours, "{w_init: 1, a_init: 1, b_init: 1, c_init: 0}", two);
  auto rate = [&](double near, double far) {
    auto frame = at::zeros({1, 1, 1, 8, 6});
    frame[0][0][0][0][0] = near;
    frame[0][0][0][7][5] = far;
    return std::log(std::exp(readout->forward(frame, {}).item<double>()) - 1);  // I + c
  };
  CHECK(rate(2, -2) == Approx(1 + std::sqrt(0.75 * 1 + 0.25 * 9)));  // I = (3 x 2 - 2) / 4 = 1
  CHECK(rate(2, 2) == Approx(2).margin(1e-5));
}

TEST_CASE("the bins of a long clip are those of its windows, for neurons that see all of it, a part, or nothing") {
  ReadoutContext some = context();
  some.info[0].tensor = some.info[0].tensor.clone();
  some.info[0].tensor[1].slice(1, 2).zero_();
  some.info[0].tensor[2].zero_();
  auto readout = make_readout(ours, "{w_init: 1, a_init: 1, b_init: 1, c_init: 0}", some);
  const at::NoGradGuard no_grad;
  const int64_t bins = some.info[1].tensor.size(1);
  const auto clip = wave({2, 1, 90, 8, 6}), rates = readout->forward(clip, {});
  REQUIRE(rates.size(1) == 90 - bins + 1);
  for (int64_t t = 0; t < rates.size(1); ++t) {
    const auto window = readout->forward(clip.slice(2, t, t + bins), {});
    CHECK(at::allclose(rates.slice(1, t, t + 1), window, 1e-5, 1e-6));
  }
  CHECK(at::allclose(rates.select(2, 2), at::full_like(rates.select(2, 2), std::log(2 + 1e-6)), 1e-4));
}

TEST_CASE("a clip that is shorter than the temporal filters is refused") {
  auto readout = make_readout(ours, knobs, context());
  CHECK(refusal_of([&] { readout->forward(wave({1, 1, 4, 8, 6}), {}); }) ==
        "temporal_filters: are 5 bins long, the features 4\n"
        "  fix: give longer clips");
}

TEST_CASE("rates stay positive: a negative gain is put right after a step") {
  auto readout = make_readout(ours, knobs, context());
  at::NoGradGuard no_grad;
  tensor(*readout, "nl_a").fill_(-1);
  readout->project();
  CHECK(tensor(*readout, "nl_a").eq(0).all().item<bool>());
}

TEST_CASE("filters that are missing or of another size are refused, and so are several feature maps") {
  auto refusal = [](const ReadoutContext& with) { return refusal_of([&] { make_readout(ours, "{}", with); }); };
  ReadoutContext none = context(), other = context(), colour = context();
  none.info.clear();
  other.info[0].tensor = wave({3, 6, 8});
  colour.features.channels = 2;
  CHECK(refusal(none) ==
        "spatial_filters: the data of session 'a' have no 'spatial_filters'\n"
        "  fix: store it as session_info/spatial_filters");
  CHECK(refusal(other) ==
        "spatial_filters: are 6 x 8 px, but the core makes (C 1, T 12, H 8, W 6)\n"
        "  fix: measure them on the movie that the model sees");
  CHECK(refusal(colour).find("the core makes 2 feature maps, not 1") == 0);
}

// What `compat: openretina` changes, in numbers: each component is built with and without it, with the same weights (testing.h,
// fill) for the same input (wave), of the quickstart's size; README.md holds the table. Run by hand: ninja quirks_bench.
//   difference  |with - without| / |without|, of norms over all elements
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <c10/util/StringUtil.h>
#include <fmt/format.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;
using plexiform::Shape;

namespace {

const Shape window = {1, 60, 20, 24}, maps = {8, 46, 12, 16};  // what core and readout of the quickstart are given

std::string plugin(const std::string& name) { return PLUGIN_DIR "/" + name + ".plexiform.so"; }

at::Tensor movie(const Shape& s = window) { return wave({16, s.channels, s.time, s.height, s.width}); }

void say(const std::string& what, const std::string& amount) { fmt::print("{:60}  {}\n", what, amount); }

std::string percent(const at::Tensor& with, const at::Tensor& without) {
  if (with.sizes() != without.sizes()) return c10::str("makes ", with.sizes(), ", without ", without.sizes());
  return fmt::format("{:.3g} %", 100 * ((with - without).norm() / without.norm()).item<double>());
}

// ---- Cores

std::shared_ptr<plexiform::Core> core(const std::string& name, const std::string& knobs, bool quirks,
                                      double size = 0.3) {
  auto made = make_core("plexiform.cores." + name, knobs, window, quirks ? "openretina" : "",
                        plugin(name == "Simple" ? "simple" : "conv_gru"));
  fill(*made, size);
  return made;
}

void compare_features(const std::string& what, const std::string& name, const std::string& knobs) {
  const at::NoGradGuard no_grad;
  at::Tensor made[2];
  for (const bool quirks : {false, true}) {
    auto one = core(name, knobs, quirks);
    one->forward(movie(), {});  // statistics of a batch, so that those of the start do not matter
    one->train(true);
    made[quirks] = one->forward(movie(), {});
  }
  say(what, percent(made[true], made[false]));
}

void compare_penalties(const std::string& what, const std::string& name, const std::string& knobs) {
  double value[2], gradient[2];
  for (const bool quirks : {false, true}) {
    auto one = core(name, knobs, quirks);
    auto penalty = one->penalty();
    value[quirks] = penalty.defined() ? penalty.item<double>() : 0;
    gradient[quirks] = 0;
    if (penalty.defined() && penalty.requires_grad()) {
      penalty.backward();
      for (const auto& [_, leaf] : one->parameters()) {
        if (leaf.grad().defined()) gradient[quirks] += leaf.grad().square().sum().item<double>();
      }
    }
  }
  say(what, fmt::format("penalty {:.4g}, without {:.4g}; norm of its gradient {:.3g}, without {:.3g}", value[true],
                        value[false], std::sqrt(gradient[true]), std::sqrt(gradient[false])));
}

// ---- Readouts

plexiform::ReadoutContext context(const Shape& features, bool quirks) {
  plexiform::ReadoutContext made;
  made.features = features;
  made.session = "a";
  made.neurons = 24;
  made.mean_activity = at::full({24}, 0.5);
  made.compat = quirks ? "openretina" : "";
  made.info = {{"spatial_filters", wave({24, features.height, features.width}).square()},
               {"temporal_filters", wave({24, 15})}};
  return made;
}

std::shared_ptr<plexiform::Readout> readout(const std::string& name, const std::string& file, const std::string& knobs,
                                            bool quirks, const Shape& features = maps) {
  return make_readout("plexiform.readouts." + name, knobs, context(features, quirks), plugin(file));
}

}  // namespace

TEST_CASE("what the quirks of cores change") {
  const std::string one = "channels: [1, 8], temporal_kernel_sizes: [15], spatial_kernel_sizes: [9]",
                    two = "channels: [1, 8, 8], temporal_kernel_sizes: [15, 5], spatial_kernel_sizes: [9, 5]";
  compare_features("Simple, input_padding same: features", "Simple", "{" + one + ", input_padding: same}");
  compare_features("Simple, separable, hidden_padding [0, 2, 2]", "Simple",
                   "{" + two + ", convolution_type: separable, hidden_padding: [0, 2, 2]}");
  compare_features("Simple, pooling after every 2 of 2 layers", "Simple", "{" + two + ", maxpool_every_n_layers: 2}");
  compare_penalties("Simple, gamma_in_sparse, 2 layers", "Simple", "{" + two + ", gamma_in_sparse: 1}");
  compare_penalties("Simple, separable, gamma_temporal, 2 layers", "Simple",
                    "{" + two + ", convolution_type: separable, gamma_temporal: 1}");
  compare_penalties("Simple, time_independent, gamma_input", "Simple",
                    "{" + one + ", convolution_type: time_independent, gamma_temporal: 0, gamma_input: 1}");
  {
    const at::NoGradGuard no_grad;
    at::Tensor made[2];
    for (const bool quirks : {false, true}) {
      auto start = core("Simple", "{" + one + "}", quirks);
      start->train(false);
      made[quirks] = start->forward(movie(), {});
    }
    say("Simple, statistics of batch norm before training: features", percent(made[true], made[false]));
  }
  compare_features("ConvGRU, input and hidden_padding true", "ConvGRU", "{" + two + ", input_padding: true}");
  compare_features("ConvGRU, final_nonlinearity false", "ConvGRU",
                   "{" + two + ", hidden_padding: false, final_nonlinearity: false}");
  compare_penalties("ConvGRU, full, gamma_input and gamma_hidden", "ConvGRU",
                    "{" + two + ", convolution_type: full, gamma_input: 1, gamma_hidden: 1}");
  compare_penalties("ConvGRU, gamma_rec of the GRU", "ConvGRU",
                    "{" + two + ", use_gru: true, gru_kwargs: {rec_channels: 8, gamma_rec: 1}}");
}

TEST_CASE("what the quirks of readouts change") {
  const auto x = movie(maps);
  for (const double log_var : {0.0, -1.0, -1.5, -2.0}) {
    at::Tensor rate[2];
    for (const bool quirks : {false, true}) {
      auto one = readout("GaussianMask", "gaussian_mask", "{bias: false}", quirks);
      const at::NoGradGuard no_grad;
      fill(*one, 1);
      tensor(*one, "mask_mean").mul_(0.05);
      tensor(*one, "mask_log_var").fill_(log_var);
      rate[quirks] = one->forward(x, {});
    }
    say(fmt::format("GaussianMask, mask_log_var {}: rates (both quirks of it)", log_var),
        percent(rate[true], rate[false]));
  }
  {
    double rate[2];
    for (const bool quirks : {false, true}) {
      const at::NoGradGuard no_grad;
      rate[quirks] = readout("GaussianMask", "gaussian_mask", "{}", quirks)->forward(x * 0, {}).mean().item<double>();
    }
    say("readout bias, mean activity 0.5: rate of a grey movie",
        fmt::format("{:.4g}, without {:.4g}", rate[1], rate[0]));
  }
  {
    double penalty[2];
    for (const bool quirks : {false, true}) {
      auto one = readout("Factorized", "factorized", "{readout_reg_avg: true, laplace_mask_reg: 1}", quirks);
      fill(*one, 0.3);
      penalty[quirks] = one->penalty().item<double>();
    }
    say("Factorized, readout_reg_avg: penalty", fmt::format("{:.4g}, without {:.4g}", penalty[1], penalty[0]));
  }
  {
    at::Tensor rate[2];
    for (const bool quirks : {false, true}) {
      auto one = readout("Factorized", "factorized",
                         "{weights_constraint: norm, mask_constraint: abs, readout_bias: false}", quirks);
      const at::NoGradGuard no_grad;
      fill(*one, 0.3);
      one->project();
      rate[quirks] = one->forward(x, {});
    }
    say("Factorized, constraints, after an optimiser step: rates", percent(rate[true], rate[false]));
  }
  {
    double noise[2];
    for (const bool quirks : {false, true}) {
      auto one = readout("PointGaussian", "point_gaussian", "{nonlinearity: identity, bias: false}", quirks);
      const at::NoGradGuard no_grad;
      fill(*one, 0.3);
      const auto still = x.slice(2, 0, 1).expand_as(x);  // one frame for the whole clip: what varies is the draw
      noise[quirks] = one->forward(still, {}).std(1).mean().item<double>() /
                      one->forward(still, {}).flatten(0, 1).std(0).mean().item<double>();
    }
    say("PointGaussian, share of the noise that varies within a clip",
        fmt::format("{:.3g}, without {:.3g}", noise[1], noise[0]));
  }
  const Shape grey = window;
  for (const double contrast : {1.0, 0.01, 0.001}) {
    at::Tensor drive[2];
    for (const bool quirks : {false, true}) {
      auto one = readout("SpatialContrast", "spatial_contrast", "{nonlinearity: identity, w_init: 1, c_init: 0}",
                         quirks, grey);
      const at::NoGradGuard no_grad;
      drive[quirks] = one->forward(2 + contrast * movie(grey), {});
    }
    say(fmt::format("SpatialContrast, contrast {} around a mean of 2: rates", contrast),
        percent(drive[true], drive[false]));
  }
}

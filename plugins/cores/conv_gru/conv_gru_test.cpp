#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <testing.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <cmath>

using namespace plexiform::testing;
using Catch::Approx;
using plexiform::Given;
using plexiform::Shape;

namespace {

const std::string ours = "plexiform.cores.ConvGRU", conditioned = "plexiform.cores.ConditionedGRU";
const std::string theirs = "openretina.modules.core.gru_core.ConvGRUCore",
                  their_conditioned = "openretina.modules.core.gru_core.ConditionedGRUCore";
const std::string gru = "use_gru: true, gru_kwargs: {rec_channels: 3, input_kern: 3, rec_kern: 3}";
const Shape stimulus = {2, 14, 12, 10};

std::string knobs(const std::string& more = "") {
  const std::string sizes = more.find("channels: [") == 0
                                ? ""
                                : "channels: [2, 4, 5], temporal_kernel_sizes: [7, 5], spatial_kernel_sizes: [5, 3]" +
                                      std::string(more.empty() ? "" : ", ");
  return "{" + sizes + more + "}";
}

// A core small enough for finite differences.
std::string small(const std::string& more) {
  return "{channels: [2, 3, 2], temporal_kernel_sizes: 3, spatial_kernel_sizes: [3, 2], " + more + "}";
}

at::Tensor movie() { return wave({1, 2, 14, 12, 10}); }

std::shared_ptr<plexiform::Core> make(const std::string& name, const std::string& knobs, const std::string& compat = "",
                                      const std::vector<std::string>& sessions = {}) {
  return make_core({stimulus, compat, sessions}, name, knobs);
}

// The fixture of make_golden.py. Its batch-norm statistics are new ones: no shape was probed.
std::shared_ptr<plexiform::Core> reference(const std::string& more = "", const std::string& name = theirs,
                                           const std::vector<std::string>& sessions = {}) {
  auto core = make(name, knobs(more), "openretina", sessions);
  fill(*core);
  for (auto& [buffer, tensor] : core->buffers()) {
    if (buffer.ends_with("running_var")) tensor.fill_(1);
  }
  return core;
}

at::Tensor evaluated(plexiform::Core& core, const Given& given = {}) {
  core.train(false);
  return core.forward(movie(), given);
}

double penalty(const std::string& more, const std::string& compat = "") {
  auto core = make(ours, knobs(more), compat);
  fill(*core);
  const auto total = core->penalty();
  return total.defined() ? total.item<double>() : 0;
}

std::string refusal(const std::string& knobs, const std::string& name = ours) {
  return refusal_of([&] { make(name, knobs); });
}

}  // namespace

TEST_CASE("the recurrent core keeps the core contract") {
  const std::string gammas = "gamma_input: 0.1, gamma_in_sparse: 0.2, gamma_hidden: 0.3, gamma_temporal: 0.4";
  check_core_contract(ours, small("use_projections: true, " + gammas), {2, 7, 6, 7});
  check_core_contract(ours,
                      small("use_gru: true, gru_kwargs: {rec_channels: 4, groups: 2, gamma_rec: 0.5}, "
                            "convolution_type: separable, input_padding: true, " +
                            gammas),
                      {2, 7, 5, 6});
  check_core_contract(conditioned, small("cond_dim: 2, batch_norm: false, nonlinearity: Tanh"), {2, 7, 6, 7});
  check_core_contract(conditioned, small("cond_dim: 3, use_gru: true, use_projections: true"), {2, 7, 6, 7});
}

TEST_CASE("outputs in evaluation and training, and running statistics, are openretina's") {
  auto core = reference(gru + ", use_projections: true");
  check_golden("eval", evaluated(*core));
  core->train(true);
  check_golden("train", core->forward(movie(), {}));
  check_golden("train running_var", tensor(*core, "features.layer1.norm.running_var"));
}

TEST_CASE("gradients are openretina's") {
  auto core = reference(
      gru + ", use_projections: true, gamma_input: 1, gamma_hidden: 2, gamma_temporal: 3, gamma_in_sparse: 4");
  (weighted_sum(evaluated(*core)) + core->penalty()).backward();
  for (const auto& [name, parameter] : core->parameters()) check_golden("gradient " + name, parameter.grad(), 1e-4);
}

TEST_CASE("penalties are openretina's") {
  for (const std::string gamma : {"gamma_input", "gamma_hidden", "gamma_temporal", "gamma_in_sparse"}) {
    check_golden(gamma, reference(gamma + ": 1")->penalty());
  }
  check_golden("gamma_input, mean, with zeros",
               reference("gamma_input: 1, use_avg_reg: true, laplace_padding: null")->penalty());
}

TEST_CASE("with compat, padding is shifted by a layer and even kernels grow the map, as openretina's") {
  check_golden("three layers, padded",
               evaluated(*reference("channels: [2, 4, 5, 3], temporal_kernel_sizes: [5, 3, 3], "
                                    "spatial_kernel_sizes: [4, 3, 5], input_padding: true, hidden_padding: [0, 2, 2], "
                                    "final_nonlinearity: false, nonlinearity: GELU")));
}

TEST_CASE("every convolution and normalisation, and a state without padding, are openretina's") {
  for (const std::string kind : {"separable", "full", "time_independent"}) {
    check_golden(kind, evaluated(*reference("convolution_type: " + kind)));
  }
  check_golden("no batch norm", evaluated(*reference("batch_norm: false")));
  check_golden("offset alone", evaluated(*reference("batch_norm_scale: false")));
  check_golden("no padding of the state",
               evaluated(*reference("use_gru: true, gru_kwargs: {rec_channels: 10, input_kern: 2, rec_kern: 3, "
                                    "groups: 5, pad_input: false}")));
}

TEST_CASE("a session's speed does what openretina's does") {
  for (const std::string kind : {"custom_separable", "separable"}) {
    auto core = reference("batch_adaptation: true, convolution_type: " + kind, theirs, {"a", "b"});
    const auto output = evaluated(*core, Given("b"));
    check_golden(kind + " of session b", output);
    weighted_sum(output).backward();
    check_golden(kind + " of session b, gradient", tensor(*core, "log_speed_b").grad(), 1e-4);
    CHECK_FALSE(tensor(*core, "log_speed_a").grad().defined());
  }
}

TEST_CASE("conditioning is openretina's, with compat zeros where the data have none") {
  auto core = reference("cond_dim: 3, use_projections: true", their_conditioned);
  const auto output = evaluated(*core, Given("", {{"conditioning", wave({1, 3})}}));
  check_golden("conditioned", output);
  check_golden("conditioned by nothing", evaluated(*core));
  weighted_sum(output).backward();
  for (const std::string name : {"film_0.fc_gamma.weight", "film_2.fc_beta.bias"}) {
    check_golden("conditioned, gradient " + name, tensor(*core, name).grad(), 1e-4);
  }
}

TEST_CASE("a bin is conditioned by what is known of it and of no later one") {
  auto core = make(conditioned, knobs("cond_dim: 3"));
  core->train(false);
  at::NoGradGuard no_grad;
  const int64_t bins = movie().size(2);
  const auto steady = wave({1, 3}), each = steady.unsqueeze(1).repeat({1, bins, 1});
  const auto of = [&](const at::Tensor& known) { return core->forward(movie(), Given("", {{"conditioning", known}})); };
  CHECK(at::allclose(of(each), of(steady), 1e-5, 1e-6));
  auto changed = each.clone();
  changed.select(1, bins - 1).add_(1);
  const auto before = of(each), after = of(changed);
  const int64_t last = before.size(2) - 1;
  CHECK(at::equal(after.slice(2, 0, last), before.slice(2, 0, last)));
  CHECK(!at::allclose(after.select(2, last), before.select(2, last)));
}

TEST_CASE("seed 0 draws openretina's weights") {
  at::manual_seed(0);
  auto core = make(ours, knobs(gru + ", use_projections: true"));
  check_golden("seed 0 projection", tensor(*core, "features.projection.0.conv.weight"));
  check_golden("seed 0 layer1 sin_weights", tensor(*core, "features.layer1.conv.sin_weights"));
  check_golden("seed 0 out_gate_hidden", tensor(*core, "features.gru.gru.out_gate_hidden.weight"));
  at::manual_seed(0);
  core = make(conditioned, knobs("cond_dim: 3, convolution_type: separable, use_projections: true"));
  check_golden("seed 0 separable layer1 time_conv", tensor(*core, "features.layer1.conv.time_conv.weight"));
  check_golden("seed 0 film_2", tensor(*core, "film_2.fc_beta.weight"));
}

TEST_CASE("a session at twice the speed has kernels of twice the frequency, a new session those of any") {
  auto of_frequency = [](int64_t k, double log_speed, const std::string& session) {
    auto core = make_core({{1, 21, 1, 1}, "", {"a", "b"}}, ours,
                          "{channels: [1, 1], temporal_kernel_sizes: 21, spatial_kernel_sizes: 1, batch_norm: false, "
                          "nonlinearity: Identity, batch_adaptation: true}");
    at::NoGradGuard no_grad;
    for (const auto& one : core->parameters()) one.tensor.zero_();
    tensor(*core, "features.layer0.conv.weight_spatial").fill_(1);
    tensor(*core, "features.layer0.conv.sin_weights").select(2, k).fill_(1);
    tensor(*core, "log_speed_b").fill_(log_speed);
    auto newest = at::zeros({1, 1, 21, 1, 1});  // where kernels have faded in, whatever their speed
    newest.slice(2, 19).fill_(1);
    return core->forward(newest, Given(session)).item<double>();
  };
  const double expected = std::sin(-2 * 2 * M_PI * 2 / 21) + std::sin(-2 * 2 * M_PI * 1 / 21);
  CHECK(of_frequency(2, 0, "b") == Approx(expected).epsilon(1e-3));
  CHECK(of_frequency(1, std::log(2.0), "b") == Approx(expected).epsilon(1e-3));
  CHECK(of_frequency(2, std::log(2.0), "a") == Approx(expected).epsilon(1e-3));
  CHECK(of_frequency(2, std::log(2.0), "") == Approx(expected).epsilon(1e-3));
  auto core = make(ours, knobs("batch_adaptation: true"), "", {"a", "b"});
  CHECK_THROWS_WITH(evaluated(*core, Given("c")),
                    "knows no speed for session 'c'\n  fix: build the core with that session among the model's");
}

TEST_CASE("a core built with further sessions takes the state of the old one") {
  auto names = [](const std::vector<std::string>& sessions) {
    std::vector<std::string> all;
    for (const auto& one : make(ours, knobs("batch_adaptation: true"), "", sessions)->parameters()) {
      all.push_back(one.name);
    }
    return all;
  };
  const auto before = names({"b"}), after = names({"a", "b"});
  CHECK(after.size() == before.size() + 1);
  for (const auto& name : before) CHECK(std::find(after.begin(), after.end(), name) != after.end());
}

TEST_CASE("without compat, true keeps height and width in every layer, and time is not padded") {
  const auto shape = make(ours,
                          "{channels: [2, 3, 3, 3], temporal_kernel_sizes: 3, spatial_kernel_sizes: [4, 3, 2], "
                          "input_padding: true, hidden_padding: true}")
                         ->output_shape(stimulus);
  CHECK(shape == Shape{3, 8, 12, 10});
}

TEST_CASE("without compat, a final nonlinearity left out is left out behind the last layer alone") {
  auto negative = [](const std::string& compat) {  // with ReLU in layer 0, a bias of -1 silences it
    auto core = make(ours, knobs("final_nonlinearity: false, nonlinearity: ReLU"), compat);
    at::NoGradGuard no_grad;
    tensor(*core, "features.layer0.norm.weight").zero_();
    tensor(*core, "features.layer0.norm.bias").fill_(-1);
    tensor(*core, "features.layer1.norm.bias").fill_(-1);
    return evaluated(*core);
  };
  CHECK(at::equal(negative(""), at::full({1, 5, 4, 8, 6}, -1)));
  CHECK_FALSE(at::equal(negative("openretina"), negative("")));
}

TEST_CASE("without compat, every kind of kernel and the GRU have penalties") {
  for (const std::string kind : {"separable", "full"}) {
    const std::string knobs = "convolution_type: " + kind + ", gamma_hidden: 1, gamma_temporal: 1, gamma_in_sparse: 1";
    CHECK(penalty(knobs) > 1);
    CHECK(penalty(knobs, "openretina") == 0);
  }
  const std::string gates = "use_gru: true, gru_kwargs: {rec_channels: 3, gamma_rec: 1}";
  CHECK(penalty(gates, "openretina") == 0);
  auto core = make(ours, knobs(gates));
  at::NoGradGuard no_grad;
  for (const std::string gate : {"reset", "update", "out"}) {
    tensor(*core, "features.gru.gru." + gate + "_gate_hidden.bias").fill_(gate == "out" ? -0.6 : 0.3);
    tensor(*core, "features.gru.gru." + gate + "_gate_input.bias").fill_(9);  // not counted
  }
  CHECK(core->penalty().item<double>() == Approx((0.6 + 0.3 + 0.3) / 3));
}

TEST_CASE("without compat, conditioning does not need batch norm") {
  auto films = [](const std::string& compat) {
    int64_t count = 0;
    for (const auto& one : make(conditioned, knobs("cond_dim: 2, batch_norm: false"), compat)->parameters()) {
      count += one.name.starts_with("film_");
    }
    return count;
  };
  CHECK(films("") == 8);
  CHECK(films("openretina") == 0);
}

TEST_CASE("with compat, batch norm starts as openretina's shape probe leaves it") {
  auto variance = [](const std::string& compat) {
    auto core = make(ours, knobs("batch_norm_momentum: 0.2"), compat);
    return tensor(*core, "features.layer1.norm.running_var")[0].item<double>();
  };
  CHECK(variance("") == 1);
  CHECK(variance("openretina") == Approx(0.8));
}

TEST_CASE("a recurrent core remembers the whole clip") {
  CHECK(make(ours, knobs())->temporal().history == 10);
  CHECK(make(ours, knobs(gru))->temporal().history == INT64_MAX);
}

TEST_CASE("openretina's preset is taken as it is: more kernels than layers, even kernels of a GRU that is off") {
  const std::string preset =
      "{channels: [2, 4, 5], temporal_kernel_sizes: [7, 5, 5], spatial_kernel_sizes: [5, 3, 3], hidden_padding: [0, 2, "
      "2], use_gru: false, gru_kwargs: {rec_channels: 64, input_kern: 4, rec_kern: 4, groups: 1, gamma_rec: 1, "
      "pad_input: true}}";
  CHECK(refusal(preset, theirs) == "accepted");
  CHECK(refusal(preset) ==
        "temporal_kernel_sizes: has 3 entries, not 2\n"
        "  fix: give one number for all layers, or one per layer: as many as there are hidden channels");
}

TEST_CASE("what cannot work is refused when the core is built, with the knob and a remedy") {
  CHECK(refusal(knobs("use_gru: true, gru_kwargs: {rec_channels: 3, rec_kern: 4}")) ==
        "gru_kwargs.rec_kern: is 4, and an even kernel does not keep the size of the state\n  fix: use 3 or 5");
  CHECK(refusal(knobs("use_gru: true, gru_kwargs: {rec_channels: 3, input_kern: 2}")) ==
        "gru_kwargs.input_kern: is 2, and an even kernel does not keep the size of the state\n  fix: use 1 or 3");
  CHECK(refusal(knobs("use_gru: true, gru_kwargs: {rec_channels: 4, groups: 2}")) ==
        "gru_kwargs.groups: is 2, which does not divide 5 features and 4 channels of the state\n"
        "  fix: use 1, or a divisor of both");
  CHECK(refusal(knobs("gru_kwargs: {rec_kern: 3}")) ==
        "gru_kwargs.rec_channels: is missing\n  fix: set it: an integer, at least 1 (of the state)");
  CHECK(refusal(knobs("batch_adaptation: true, convolution_type: full")) ==
        "batch_adaptation: is true, but the kernels of full cannot be stretched in time\n"
        "  fix: use convolution_type: custom_separable, or batch_adaptation: false");
  CHECK(refusal(knobs("nonlinearity: ELUU")).starts_with("nonlinearity: is 'ELUU'\n  fix: did you mean 'ELU'?"));
  CHECK(refusal("{channels: [2, 4], temporal_kernel_sizes: 15}") ==
        "temporal_kernel_sizes: has a kernel longer than what reaches it, 14 bins\n"
        "  fix: shorten the kernels, lengthen the training window, or pad");
  auto core = make(conditioned, knobs("cond_dim: 2"));
  CHECK_THROWS_WITH(core->forward(movie(), Given("", {{"conditioning", wave({1, 3})}})),
                    "cond_dim: is 2, but 'conditioning' is not (batch, bins, cond_dim)\n"
                    "  fix: give that many numbers for each bin of the movie, or for each clip");
  CHECK_THROWS_WITH(core->forward(movie(), {}),
                    "conditioning: names 'conditioning', which the data lack\n"
                    "  fix: give it: (batch, bins, cond_dim)");
}

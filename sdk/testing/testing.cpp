#include "testing.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/sin.h>
#include <conformance/specimen.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>

#include "plugin_file.h"

namespace plexiform::testing {

namespace {

// sin(0.37 (i + 1) + phase) for i < n, in double.
at::Tensor sines(int64_t n, double phase) { return (at::arange(1, n + 1, at::kDouble) * 0.37 + phase).sin(); }

// Differences relative to a size each, of which the largest is kept.
struct Closeness {
  const double tolerance;
  double worst = 0;

  void check(const char* what, double actual, double expected, double size) {
    INFO(what << ": " << actual << ", golden " << expected);
    const double off = std::abs(actual - expected) / (size > 0 ? size : 1);
    worst = std::max(worst, off);
    CHECK(off <= tolerance);
  }
};

// PLEXIFORM_GOLDEN_REPORT names a file that gets a line for each comparison: golden file, key, largest difference,
// tolerance. The table in plugins/README.md is made of it.
void report(const std::string& file, const std::string& key, const Closeness& seen) {
  const char* into = std::getenv("PLEXIFORM_GOLDEN_REPORT");
  if (!into) return;
  std::ofstream(into, std::ios::app) << file << '\t' << key << '\t' << seen.worst << '\t' << seen.tolerance << '\n';
}

}  // namespace

std::shared_ptr<Core> make_core(const std::string& name, const std::string& knobs, const Shape& stimulus,
                                const std::string& compat, const std::string& plugin) {
  return make_core(CoreContext{stimulus, compat}, name, knobs, plugin);
}

std::shared_ptr<Core> make_core(const CoreContext& context, const std::string& name, const std::string& knobs,
                                const std::string& plugin) {
  std::shared_ptr<Core> core;
  conformance::create(find_component(plugin, name), knobs_from_yaml(knobs), &context, &core);
  return core;
}

std::shared_ptr<Readout> make_readout(const std::string& name, const std::string& knobs, const ReadoutContext& context,
                                      const std::string& plugin) {
  std::shared_ptr<Readout> readout;
  conformance::create(find_component(plugin, name), knobs_from_yaml(knobs), &context, &readout);
  return readout;
}

std::shared_ptr<Loss> make_loss(const std::string& name, const std::string& knobs, const std::string& compat,
                                const std::string& plugin) {
  return make_loss(name, knobs, LossContext{compat}, plugin);
}

std::shared_ptr<Loss> make_loss(const std::string& name, const std::string& knobs, const LossContext& context,
                                const std::string& plugin) {
  std::shared_ptr<Loss> loss;
  conformance::create(find_component(plugin, name), knobs_from_yaml(knobs), &context, &loss);
  return loss;
}

std::string refusal_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

at::Tensor tensor(Component& component, const std::string& name) {
  auto all = component.parameters();
  const auto buffers = component.buffers();
  all.insert(all.end(), buffers.begin(), buffers.end());
  std::vector<std::string> known;
  for (const auto& one : all) {
    if (one.name == name) return one.tensor;
    known.push_back(one.name);
  }
  throw Error(name, "no such parameter or buffer", did_you_mean(name, known));
}

void fill(Component& component, double size) {
  at::NoGradGuard no_grad;
  int index = 0;
  for (auto& [name, parameter] : component.parameters()) {
    if (!parameter.requires_grad()) continue;
    parameter.copy_((size * sines(parameter.numel(), index++)).view(parameter.sizes()));
  }
}

at::Tensor wave(at::IntArrayRef sizes) {
  const auto i = at::arange(c10::multiply_integers(sizes), at::kDouble);
  return ((i * 0.11).sin() + (i * 0.037).cos() * 0.5).to(at::kFloat).view(sizes);
}

at::Tensor weighted_sum(const at::Tensor& x) { return conformance::weighted_sum(x); }

void check_golden(const std::string& key, const at::Tensor& actual, double tolerance, const std::string& file) {
  INFO(key << " of " << file);
  std::ifstream stream(file);
  REQUIRE(stream);
  const Json all = Json::parse(stream);
  REQUIRE(all.contains(key));
  const Json& golden = all[key];
  REQUIRE(Json(actual.sizes().vec()) == golden["shape"]);

  const auto x = actual.detach().to(at::kDouble).reshape({-1});
  const auto n = static_cast<double>(x.numel()), squares = golden["sumsq"].get<double>();
  const double typical = std::sqrt(squares / n),
               of_sum = std::sqrt(squares * n);  // as large as a sum can get
  Closeness closeness{tolerance};
  closeness.check("sum", x.sum().item<double>(), golden["sum"], of_sum);
  closeness.check("sum of squares", x.square().sum().item<double>(), squares, 2 * squares);
  closeness.check("last", x[-1].item<double>(), golden["last"], typical);
  for (size_t i = 0; i < golden["first"].size(); ++i) {
    closeness.check("first", x[static_cast<int64_t>(i)].item<double>(), golden["first"][i], typical);
  }
  closeness.check("weighted sum", weighted_sum(x).item<double>(), golden["weighted"], of_sum);
  report(file, key, closeness);
}

}  // namespace plexiform::testing

#include "gradient.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <random>
#include <set>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

namespace {

// Where one leaf is looked at: single elements, and all of them at once along a direction of length 1, which notices an
// element that no sample hit.
struct Place {
  std::string name;
  at::Tensor direction;  // as the leaf
};

// Elements that are spread, but not evenly: an even stride meets the same corner of every kernel.
std::vector<int64_t> sample(int64_t of, int64_t wanted, std::mt19937_64& random) {
  std::set<int64_t> chosen;
  while (std::ssize(chosen) < std::min(of, wanted))
    chosen.insert(std::uniform_int_distribution(int64_t{0}, of - 1)(random));
  return {chosen.begin(), chosen.end()};
}

std::vector<Place> places(const Named& leaf, int64_t elements, std::mt19937_64& random) {
  std::vector<Place> all;
  const int64_t n = leaf.tensor.numel();
  for (const int64_t i : sample(n, elements, random)) {
    auto one = at::zeros(leaf.tensor.sizes(), leaf.tensor.options().requires_grad(false));
    one.view({-1})[i] = 1;
    all.push_back({str(leaf.name, "[", i, "]"), one});
  }
  if (n <= elements) return all;
  std::vector<double> numbers(static_cast<size_t>(n));
  for (auto& number : numbers) number = std::normal_distribution()(random);
  const auto whole = at::tensor(numbers, leaf.tensor.options().requires_grad(false)).view(leaf.tensor.sizes());
  all.push_back({str(leaf.name, " along a random direction"), whole / whole.norm()});
  return all;
}

}  // namespace

GradientReport compare_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves) {
  constexpr int64_t most = 6, least = 2, in_all = 60;  // elements of a leaf; a pass through a deep core takes its time
  const auto elements = std::clamp(in_all / std::max<int64_t>(1, std::ssize(leaves)), least, most);
  for (const auto& leaf : leaves) leaf.tensor.mutable_grad().reset();
  value().backward();
  const at::NoGradGuard no_grad;
  std::mt19937_64 random(7);
  GradientReport report;
  for (const auto& leaf : leaves) {
    auto x = leaf.tensor;
    if (!x.grad().defined()) continue;
    const auto gradient = x.grad().clone(), start = x.clone();
    const double allowed = 1e-6 * (gradient.abs().max().item<double>() + 1e-3);
    for (const auto& [name, direction] : places(leaf, elements, random)) {
      const auto at_distance = [&](double h) {
        x.copy_(start).add_(direction, h);
        return value().item<double>();
      };
      const auto slope = [&](double h) { return (at_distance(h) - at_distance(-h)) / (2 * h); };
      const double step = 1e-5 * std::max(1.0, (start * direction).norm().item<double>());
      const double analytic = (gradient * direction).sum().item<double>(), numeric = slope(step);
      const bool same = std::abs(analytic - numeric) <= allowed;
      if (!same && std::abs(numeric - slope(step / 4)) > allowed) {  // a maximum changes hands, or a |x| passes 0
        ++report.kinks;
        continue;
      }
      ++report.smooth;
      if (same) continue;
      report.wrong.push_back(str("d/d ", name, ": autograd ", analytic, ", finite difference ", numeric));
    }
    x.copy_(start);
  }
  return report;
}

namespace {

std::vector<Named> leaves_of(const Specimen& specimen, const at::Tensor& input) {
  auto all = trainable(*specimen);
  all.push_back({"input", input.requires_grad_(true)});
  return all;
}

void finite_gradients(const Specimen& specimen) {
  const auto leaves = leaves_of(specimen, specimen.input());
  specimen.value(leaves.back().tensor).backward();
  double total = 0;
  for (const auto& [name, leaf] : leaves) {
    expect(leaf.grad().defined(), name + " has no gradient: nothing depends on it, or its graph is cut");
    expect(leaf.grad().sizes() == leaf.sizes(), str("the gradient of ", name, " has shape ", leaf.grad().sizes()));
    expect(finite(leaf.grad()), "NaN or infinity in the gradient of " + name);
    total += leaf.grad().abs().sum().item<double>();
  }
  expect(total > 0, "all gradients are zero");
}

void finite_differences(const Specimen& specimen) {
  specimen->train(false);  // no dropout
  specimen->to(at::kCPU, at::kDouble);
  move_a_little(*specimen);
  const auto input = specimen.input().to(at::kDouble);
  const auto report = compare_gradients([&] { return specimen.value(input); }, leaves_of(specimen, input));
  if (!report.wrong.empty()) {
    throw Broken{str(report.wrong.size(), " of ", report.smooth, " differ, the first: ", report.wrong.front())};
  }
  expect(report.smooth > report.kinks, str("at ", report.kinks, " of ", report.smooth + report.kinks,
                                           " places the output jumps: it has no gradient there"));
}

void outlives(const Subject& subject) {
  Specimen specimen(subject);
  const auto leaves = leaves_of(specimen, specimen.input());
  auto value = specimen.value(leaves.back().tensor);
  specimen.destroy();
  value.backward();
  for (const auto& [name, leaf] : leaves) {
    if (leaf.grad().defined()) expect(finite(leaf.grad()), "NaN or infinity in the gradient of " + name);
  }
}

}  // namespace

Checks gradient_checks() {
  return {
      {"gradients", "each trainable parameter and the input get a finite gradient, and not all of them zero",
       "plexiform/component.h, Values; detach(), item(), variable_data()", in_each_use<&finite_gradients>},
      {"gradient check", "in float64, gradients are those of finite differences (to 1e-6)",
       "plexiform/component.h, Values; the backward of a torch::autograd::Function", in_each_use<&finite_differences>},
      {"graph outlives component", "backward works after the component is gone",
       "plexiform/component.h, Graph; a raw pointer or `this` kept by the graph", &outlives},
  };
}

}  // namespace plexiform::conformance

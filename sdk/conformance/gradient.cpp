#include "gradient.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

GradientReport compare_gradients(const std::function<at::Tensor()>& value, const std::vector<Named>& leaves) {
  for (const auto& leaf : leaves) leaf.tensor.mutable_grad().reset();
  value().backward();
  at::NoGradGuard no_grad;
  GradientReport report;
  for (const auto& [name, leaf] : leaves) {
    if (!leaf.grad().defined()) continue;
    auto elements = leaf.view({-1});
    const auto gradient = leaf.grad().reshape({-1});
    const double allowed = 1e-6 * (gradient.abs().max().item<double>() + 1e-3);
    const int64_t n = elements.numel(), stride = std::max<int64_t>(1, n / 6);
    for (int64_t i = 0; i < n; i += stride) {
      const double x = elements[i].item<double>();
      auto at_x = [&](double shifted) {
        elements[i].fill_(shifted);
        return value().item<double>();
      };
      auto slope = [&](double h) { return (at_x(x + h) - at_x(x - h)) / (2 * h); };
      const double step = 1e-5 * std::max(1.0, std::abs(x)), numeric = slope(step), closer = slope(step / 4);
      elements[i].fill_(x);
      if (std::abs(numeric - closer) > allowed) {  // a maximum changes hands, or a |x| passes 0
        ++report.kinks;
        continue;
      }
      ++report.smooth;
      const double analytic = gradient[i].item<double>();
      if (std::abs(analytic - numeric) <= allowed) continue;
      report.wrong.push_back(str("d/d ", name, "[", i, "]: autograd ", analytic, ", finite difference ", numeric));
    }
  }
  return report;
}

namespace {

std::vector<Named> leaves_of(const Specimen& specimen, const at::Tensor& input) {
  auto all = trainable(*specimen);
  all.push_back({"input", input.requires_grad_(true)});
  return all;
}

void finite_gradients(const Subject& subject) {
  const Specimen specimen(subject);
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

void finite_differences(const Subject& subject) {
  const Specimen specimen(subject);
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

Checks gradient_checks(uint32_t kind) {
  return {
      {"gradients", "each trainable parameter and the input get a finite gradient, and not all of them zero",
       forward(kind) + " and penalty; detach(), item(), variable_data()", &finite_gradients},
      {"gradient check", "in float64, gradients are those of finite differences (to 1e-6)",
       forward(kind) + " and penalty; the backward of a torch::autograd::Function", &finite_differences},
      {"graph outlives component", "backward works after the component is gone",
       forward(kind) + "; a raw pointer or `this` kept by the graph", &outlives},
  };
}

}  // namespace plexiform::conformance

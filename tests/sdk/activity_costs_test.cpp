// Costs in one pass against LibTorch's operators.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <cost_kernels.h>
#include <plexiform/layers/activity_costs.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <vector>

using namespace plexiform::layers;
using plexiform::cost_kernels::all_kernels;

namespace {

struct Case {
  std::vector<int64_t> sizes;
  int64_t dropped;  // first bins of the recording, which the prediction lacks
};
const std::vector<Case> cases = {
    {{1, 1, 1}, 0}, {{3, 7, 5}, 2}, {{2, 30, 100}, 20}, {{1, 600, 80}, 0}, {{4, 40, 17}, 1}};

struct Activity {
  explicit Activity(const Case& c)
      : prediction((torch::rand(c.sizes) * 3).requires_grad_()),
        recorded(torch::poisson(torch::rand({c.sizes[0], c.sizes[1] + c.dropped, c.sizes[2]}) * 2)),
        target(recorded.slice(1, c.dropped)) {}
  at::Tensor prediction, recorded, target;
};

double apart(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>() / std::max(1e-12, b.abs().max().item<double>());
}

}  // namespace

TEST_CASE("the Poisson cost and its gradient are the operators'") {
  at::manual_seed(1);
  for (const auto& c : cases) {
    for (const double eps : {1e-16, 1e-2}) {
      const Activity a(c);
      INFO(c.sizes[0] << " " << c.sizes[1] << " " << c.sizes[2] << " " << eps);
      const auto ours = poisson_sum(a.prediction, a.target, eps),
                 exact = poisson_sum_by_operators(a.prediction.to(at::kDouble), a.target.to(at::kDouble), eps);
      CHECK(std::abs(ours.item<double>() - exact.item<double>()) < 1e-6 * double(a.prediction.numel()));
      CHECK(ours.scalar_type() == at::kFloat);
      const auto scale = torch::tensor(0.7f);
      const auto of_ours = torch::autograd::grad({ours}, {a.prediction}, {scale})[0];
      const auto of_theirs =
          torch::autograd::grad({poisson_sum_by_operators(a.prediction, a.target, eps)}, {a.prediction}, {scale})[0];
      CHECK(apart(of_ours, of_theirs) < 1e-6);
      const at::NoGradGuard no_grad;
      CHECK(torch::equal(poisson_sum(a.prediction, a.target, eps), ours));
    }
  }
}

TEST_CASE("the Poisson cost has second derivatives, a gradient of the target, and is made in double") {
  at::manual_seed(2);
  const Activity a(cases[1]);
  auto curvature = [&](auto&& way) {
    const auto first = torch::autograd::grad({way(a.prediction, a.target, 1e-3)}, {a.prediction}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {a.prediction})[0];
  };
  CHECK(apart(curvature(poisson_sum), curvature(poisson_sum_by_operators)) < 1e-5);
  const auto target = a.target.clone().requires_grad_();
  CHECK(torch::autograd::grad({poisson_sum(a.prediction, target, 1e-3)}, {target})[0].defined());
  CHECK(poisson_sum(a.prediction.to(at::kDouble), a.target.to(at::kDouble), 1e-3).scalar_type() == at::kDouble);
}

TEST_CASE("correlations over bins are the operators'; of a signal that does not vary, 0") {
  at::manual_seed(3);
  const at::NoGradGuard no_grad;
  for (const auto& c : cases) {
    Activity a(c);
    a.prediction.select(2, 0).fill_(2), a.prediction += 100;  // far from 0
    const auto ours = correlation_over_bins(a.prediction, a.target, 1e-16);
    const auto exact =
        correlation_over_bins_by_operators(a.prediction.to(at::kDouble), a.target.to(at::kDouble), 1e-16);
    CHECK(ours.sizes() == at::IntArrayRef{c.sizes[0], c.sizes[2]});
    CHECK((ours - exact).abs().max().item<double>() < 1e-5);
    CHECK(ours.select(1, 0).abs().max().item<double>() == 0);
  }
  // A sum of 600 times 0.1 has lost some digits.
  const auto still = torch::full({1, 600, 3}, 0.1f), too = torch::full({1, 600, 3}, 0.3f);
  CHECK(correlation_over_bins(still, too, 1e-16).abs().max().item<double>() == 0);
  const at::AutoGradMode graph(true);
  const Activity a(cases[1]);
  CHECK(correlation_over_bins(a.prediction, a.target, 1e-16).requires_grad());
}

TEST_CASE("costs take targets however they lie in memory") {
  at::manual_seed(5);
  const auto p = torch::rand({3, 7, 5}) + 0.1;
  const auto one = torch::rand({7, 5}), turned = torch::rand({5, 7, 3}).transpose(0, 2),
             single = torch::rand({3, 1, 5});
  for (const auto& t : {one.expand({3, 7, 5}), torch::rand({3, 1, 5}).expand({3, 7, 5}), turned,
                        torch::rand({3, 7, 1}).expand({3, 7, 5})}) {
    CHECK(apart(poisson_sum(p, t, 1e-16), poisson_sum_by_operators(p, t, 1e-16)) < 1e-6);
    CHECK((correlation_over_bins(p, t, 1e-3) - correlation_over_bins_by_operators(p, t, 1e-3))
              .abs()
              .max()
              .item<double>() < 1e-5);
  }
  const auto first = p.slice(2, 0, 1), bin = p.slice(1, 2, 3);
  CHECK(apart(poisson_sum(first, turned.slice(2, 1, 2), 0), poisson_sum_by_operators(first, turned.slice(2, 1, 2), 0)) <
        1e-6);
  CHECK(apart(poisson_sum(bin, single, 0), poisson_sum_by_operators(bin, single, 0)) < 1e-6);
  CHECK(torch::equal(poisson_sum(p.slice(0, 0, 0), p.slice(0, 0, 0), 0), torch::zeros({})));
}

TEST_CASE("costs are the same bits for any number of threads") {
  at::manual_seed(4);
  const Activity a({{3, 300, 70}, 5});
  const int before = at::get_num_threads();
  auto run = [&](int threads) {
    at::set_num_threads(threads);
    const auto cost = poisson_sum(a.prediction, a.target, 1e-16);
    return std::vector{cost.detach(), torch::autograd::grad({cost}, {a.prediction})[0],
                       correlation_over_bins(a.prediction.detach(), a.target, 1e-16)};
  };
  const auto alone = run(1), shared = run(3);
  at::set_num_threads(before);
  for (size_t k = 0; k < alone.size(); ++k) CHECK(torch::equal(alone[k], shared[k]));
}

TEST_CASE("the logarithm of the Poisson cost is right to the last digits of a float, whatever the instructions") {
  constexpr float infinity = std::numeric_limits<float>::infinity(),
                  target = 1 << 20;  // beside which the rate is little
  std::vector<float> rates = {1e-45f, 1e-39f, std::nextafter(1.0f, 0.0f), 1, std::nextafter(1.0f, 2.0f)};
  for (double v = 1e-37; v < 100; v *= 1.01) rates.push_back(static_cast<float>(v));
  for (double v = 0.5; v < 2; v += 1e-4) rates.push_back(static_cast<float>(v));
  const auto choice = all_kernels();
  for (int k = 0; k < choice.count; ++k) {
    INFO(choice.list[k]->name);
    auto cost = [&](float rate) {
      const std::vector<float> all(16, rate), targets(16, target);  // a whole vector
      return choice.list[k]->poisson(all.data(), targets.data(), 16, 0) / 16;
    };
    double worst = 0;
    for (const float rate : rates) {
      const double exact = std::log(double{rate}), found = (double{rate} - cost(rate)) / double{target};
      worst = std::max(worst, (std::abs(found - exact) - 1e-12) / std::max(1e-7, std::abs(exact)));
    }
    CHECK(worst < 4e-7);
    CHECK(cost(0) == double{infinity});
    CHECK(cost(infinity) != cost(infinity));  // infinity - infinity, as the operators have it
    CHECK(std::isnan(cost(-1)));
    CHECK(std::isnan(cost(std::nanf(""))));
  }
}

TEST_CASE("predictions and targets that do not fit are refused") {
  const Activity a(cases[1]);
  CHECK_THROWS_AS(poisson_sum(a.prediction, a.recorded, 0), c10::ValueError);
  CHECK_THROWS_AS(correlation_over_bins(a.prediction, a.target.select(0, 0), 0), c10::ValueError);
}

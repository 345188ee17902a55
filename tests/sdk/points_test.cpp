// Maps read at points against LibTorch's operators.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <plexiform/layers/points.h>
#include <point_kernels.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <vector>

using plexiform::layers::at_points, plexiform::layers::at_points_by_operators;

namespace {

struct Case {
  int64_t B, C, T, H, W, N, sets;
};
const std::vector<Case> cases = {{2, 3, 5, 7, 6, 9, 1},   {2, 3, 5, 7, 6, 9, 2},    {2, 3, 5, 7, 6, 9, 10},
                                 {1, 16, 9, 4, 3, 40, 1}, {1, 16, 9, 4, 3, 40, 9},  {3, 1, 1, 1, 1, 2, 3},
                                 {2, 17, 1, 5, 1, 1, 2},  {1, 2, 24, 30, 20, 5, 1}, {2, 2, 3, 3, 3, 0, 2},
                                 {2, 3, 600, 3, 4, 6, 1}, {2, 3, 257, 3, 4, 6, 2},  {2, 5, 3, 4, 4, 7, 2}};

struct Leaves {
  explicit Leaves(const Case& c)
      : x(torch::randn({c.B, c.C, c.T, c.H, c.W}).requires_grad_()),
        // Some off the map, some at its edges.
        points((torch::rand({c.sets, c.N, 2}) * 3 - 1.5).requires_grad_()),
        weights(torch::randn({c.C, c.N}).requires_grad_()) {
    at::NoGradGuard no_grad;
    if (c.N > 3) points.select(1, 0).fill_(1), points.select(1, 1).fill_(-1), points.select(1, 2).fill_(40);
  }
  std::vector<at::Tensor> all() const { return {x, points, weights}; }
  at::Tensor x, points, weights;
};

bool close(const at::Tensor& a, const at::Tensor& b, double tolerance = 2e-6) {
  return a.sizes() == b.sizes() && (a.numel() == 0 || (a - b).abs().max().item<double>() <=
                                                          tolerance * std::max(1.0, b.abs().max().item<double>()));
}

}  // namespace

TEST_CASE("maps at points are those of LibTorch's sampler, weighted and summed, and so are their gradients") {
  at::manual_seed(1);
  for (const auto& c : cases) {
    for (const bool align_corners : {true, false}) {
      INFO(c.B << " " << c.C << " " << c.T << " " << c.H << " " << c.W << " " << c.N << " " << c.sets << " "
               << align_corners);
      const Leaves leaves(c);
      const auto ours = at_points(leaves.x, leaves.points, leaves.weights, align_corners),
                 theirs = at_points_by_operators(leaves.x, leaves.points, leaves.weights, align_corners);
      CHECK(close(ours, theirs));
      const auto dy = torch::randn(ours.sizes());
      const auto of_ours = torch::autograd::grad({ours}, leaves.all(), {dy}),
                 of_theirs = torch::autograd::grad({theirs}, leaves.all(), {dy});
      for (size_t k = 0; k < 3; ++k) CHECK(close(of_ours[k], of_theirs[k], 1e-5));

      const auto by_bins =
          leaves.x.transpose(1, 2).contiguous().transpose(1, 2);  // as features of several readouts lie
      const auto same = at_points(by_bins, leaves.points, leaves.weights, align_corners);
      CHECK(torch::equal(same, ours));
      const auto of_same = torch::autograd::grad({same}, leaves.all(), {dy});
      for (size_t k = 0; k < 3; ++k) CHECK(torch::equal(of_same[k], of_ours[k]));
    }
  }
}

TEST_CASE("maps at points in double, and second derivatives, are the operators'") {
  at::manual_seed(2);
  const Leaves leaves(cases[1]);
  CHECK(close(at_points(leaves.x.to(at::kDouble), leaves.points.to(at::kDouble), leaves.weights.to(at::kDouble), true),
              at_points(leaves.x, leaves.points, leaves.weights, true).to(at::kDouble)));
  auto curvature = [&](auto&& way) {
    const auto first = torch::autograd::grad({way(leaves.x, leaves.points, leaves.weights, true).square().sum()},
                                             {leaves.weights}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {leaves.x})[0];
  };
  CHECK(close(curvature(at_points), curvature(at_points_by_operators), 1e-4));
}

TEST_CASE("a point that is not a number makes a rate that is none") {
  const Leaves leaves(cases[1]);
  at::NoGradGuard no_grad;
  leaves.points[1][4][0] = std::numeric_limits<float>::quiet_NaN();
  const auto y = at_points(leaves.x, leaves.points, leaves.weights, true);
  CHECK(y[1].select(1, 4).isnan().all().item<bool>());
  CHECK(y.isnan().sum().item<int64_t>() == y.size(1));
}

TEST_CASE("what is off the map is 0, whatever the map's first pixel is") {
  auto x = torch::ones({1, 1, 5, 4, 4}).requires_grad_();
  at::NoGradGuard no_grad;
  x.select(3, 0).select(3, 0).fill_(std::numeric_limits<float>::quiet_NaN());
  const auto points = torch::tensor({1.0f, 1.0f, 0.3f, 1.0f, 5.0f, 5.0f}).view({1, 3, 2}),
             weights = torch::ones({1, 3});
  CHECK(torch::equal(at_points(x, points, weights, true)[0][0], torch::tensor({1.0f, 1.0f, 0.0f})));
}

TEST_CASE("maps, points and weights that do not fit are refused") {
  const Leaves l(cases[1]);
  CHECK_THROWS_AS(at_points(l.x, l.points.repeat({2, 1, 1}), l.weights, true), c10::ValueError);  // 4 sets
  CHECK_THROWS_AS(at_points(l.x, l.points, l.weights.slice(0, 1), true), c10::ValueError);
  CHECK_THROWS_AS(at_points(l.x, l.points, l.weights.slice(1, 1), true), c10::ValueError);
  CHECK_THROWS_AS(at_points(l.x, l.points.select(2, 0), l.weights, true), c10::ValueError);
  CHECK_THROWS_AS(at_points(l.x.select(2, 0), l.points, l.weights, true), c10::ValueError);
}

TEST_CASE("all kernels for points make the same") {
  const auto choice = plexiform::point_kernels::all_kernels();
  const auto& best = *choice.list[0];
  const auto pixels = torch::randn({4, 3, 8}), weights = torch::randn({8}), dy = torch::randn({8});
  for (int k = 1; k < choice.count; ++k) {
    for (const bool of_bins : {true, false}) {
      const plexiform::point_kernels::Lines lines = {of_bins, of_bins ? 3 : 1, of_bins ? 8 : 24};
      plexiform::point_kernels::Corners corners = {{}, {0.1f, 0.4f, 0.3f, 0.2f}};
      for (int q = 0; q < 4; ++q) corners.pixel[q] = pixels[q].const_data_ptr<float>();
      const auto w = of_bins ? weights : torch::cat({weights, weights, weights});
      auto of = [&](const plexiform::point_kernels::Kernels& kernels) {
        auto y = torch::zeros({8}), dw = torch::zeros({24}), shares = torch::zeros({4}), dx = torch::zeros({4, 24});
        float* of_pixel[4];
        for (int q = 0; q < 4; ++q) of_pixel[q] = dx[q / 2].data_ptr<float>();  // two share a pixel
        kernels.forward(lines, corners, w.const_data_ptr<float>(), y.data_ptr<float>());
        kernels.backward(lines, corners, w.const_data_ptr<float>(), dy.const_data_ptr<float>(), dw.data_ptr<float>(),
                         shares.data_ptr<float>());
        kernels.of_pixels(lines, corners.share, w.const_data_ptr<float>(), dy.const_data_ptr<float>(), of_pixel);
        return torch::cat({y, dw, shares, dx.flatten()});
      };
      CHECK(close(of(*choice.list[k]), of(best)));
    }
  }
}

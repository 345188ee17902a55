// The kernels of batch norm with ELU against LibTorch's operators and against the formula.
#include <ATen/Parallel.h>
#include <normalise.h>
#include <plexiform/layers/batch_norm.h>
#include <testing.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

using namespace plexiform;
using namespace plexiform::layers;
using Catch::Approx;

namespace {

struct Case {
  explicit Case(std::vector<int64_t> shape, bool training) {
    at::manual_seed(1);
    x = (3 + 2 * torch::randn(shape)).requires_grad_();
    const int64_t channels = shape[1];
    norm = {.scale = (1 + torch::rand(channels)).requires_grad_(),
            .offset = torch::randn(channels).requires_grad_(),
            .running_mean = torch::randn(channels),
            .running_variance = 1 + torch::rand(channels),
            .training = training};
  }
  std::vector<at::Tensor> leaves() const { return {x, norm.scale, norm.offset}; }
  at::Tensor x;
  BatchNorm norm;
};

double apart(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / (b.abs().max() + 1e-6)).item<double>();
}

// Lengths of a run below, at and above those of a vector and of a block.
const std::vector<std::vector<int64_t>> shapes = {{1, 1, 1, 1, 2}, {2, 3, 1, 3, 5},   {3, 2, 4, 4, 4},
                                                  {2, 5, 7, 9, 3}, {1, 2, 3, 31, 11}, {2, 16, 20, 8, 7}};

}  // namespace

TEST_CASE("batch norm with ELU is that of LibTorch's operators, gradients and running statistics too") {
  for (const bool training : {false, true}) {
    for (const auto& shape : shapes) {
      const Case ours(shape, training), theirs(shape, training);
      const auto y = batch_norm_elu(ours.x, ours.norm), expected = batch_norm_elu_by_operators(theirs.x, theirs.norm);
      CHECK(apart(y, expected) < 2e-6);
      CHECK(apart(ours.norm.running_mean, theirs.norm.running_mean) < 1e-6);
      CHECK(apart(ours.norm.running_variance, theirs.norm.running_variance) < 1e-6);
      const auto dy = torch::randn(shape);
      const auto gradients = torch::autograd::grad({y}, ours.leaves(), {dy});
      const auto of_operators = torch::autograd::grad({expected}, theirs.leaves(), {dy});
      // Of few numbers, what is left of dx are differences of nearly equal ones.
      const double tolerance = ours.x.numel() / shape[1] < 4 ? 1e-2 : 1e-5;
      for (size_t k = 0; k < 3; ++k) CHECK(apart(gradients[k], of_operators[k]) < tolerance);
    }
  }
}

TEST_CASE("batch norm's gradient takes the place of one that nobody holds, and leaves others as they are") {
  const Case one({2, 3, 4, 5, 6}, true);
  const auto y = batch_norm_elu(one.x, one.norm);
  const void *of_y = nullptr, *of_x = nullptr;
  y.register_hook([&](const at::Tensor& gradient) { of_y = gradient.const_data_ptr(); });
  one.x.register_hook([&](const at::Tensor& gradient) { of_x = gradient.const_data_ptr(); });
  y.square().sum().backward({}, /*retain_graph=*/true);
  CHECK(of_x == of_y);
  const auto held = torch::randn(y.sizes()), before = held.clone();
  y.backward(held);
  CHECK(of_x != of_y);
  CHECK(torch::equal(held, before));
}

TEST_CASE(
    "without a graph, the result of batch norm with ELU takes the place of maps that nobody holds, and of no others") {
  const at::NoGradGuard no_grad;
  for (const bool training : {false, true}) {
    Case one({2, 3, 4, 5, 6}, training), same({2, 3, 4, 5, 6}, training);
    one.x = one.x.detach().clone();
    const auto before = one.x.clone(), expected = batch_norm_elu(same.x, same.norm);
    const void* place = one.x.const_data_ptr();
    const auto held = batch_norm_elu(one.x, one.norm);
    CHECK(held.const_data_ptr() != place);
    CHECK(one.x.equal(before));
    CHECK(held.equal(expected));
    auto view = one.x.view(one.x.sizes());
    CHECK(batch_norm_elu(std::move(view), one.norm).const_data_ptr() != place);
    CHECK(one.x.equal(before));
    Case again({2, 3, 4, 5, 6}, training);
    const auto y = batch_norm_elu(std::move(one.x), again.norm);
    CHECK(y.const_data_ptr() == place);
    CHECK(y.equal(expected));
  }
}

TEST_CASE("batch norm with ELU: known answers") {  // 1 and 3: mean 2, variance 1
  BatchNorm norm = {.scale = torch::full(1, 2.0),
                    .offset = torch::full(1, 1.0),
                    .running_mean = torch::zeros(1),
                    .running_variance = torch::ones(1),
                    .training = true,
                    .momentum = 0.5,
                    .eps = 0};
  const auto y = batch_norm_elu(torch::tensor({1.0f, 3.0f}).view({2, 1, 1, 1, 1}), norm).flatten();
  CHECK(y[0].item<double>() == Approx(std::exp(-1.0) - 1));    // z = 2 (-1) + 1
  CHECK(y[1].item<double>() == Approx(3));                     // z = 2 (+1) + 1
  CHECK(norm.running_mean.item<double>() == Approx(1));        // half way to 2
  CHECK(norm.running_variance.item<double>() == Approx(1.5));  // half way to 2, the unbiased one
}

TEST_CASE("the gradient of batch norm with ELU can be differentiated again") {
  const Case ours({2, 3, 2, 3, 2}, true), theirs({2, 3, 2, 3, 2}, true);
  auto twice = [](const at::Tensor& y, const Case& one) {
    const auto first = torch::autograd::grad({y.square().sum()}, {one.x}, {}, true, /*create_graph=*/true);
    return torch::autograd::grad({first[0].square().sum()}, {one.x})[0];
  };
  CHECK(apart(twice(batch_norm_elu(ours.x, ours.norm), ours),
              twice(batch_norm_elu_by_operators(theirs.x, theirs.norm), theirs)) < 1e-3);
}

TEST_CASE("batch norm with ELU gives the same bits for any number of threads") {
  const int before = at::get_num_threads();
  auto run = [](int threads) {
    at::set_num_threads(threads);
    const Case one({5, 3, 7, 9, 11}, true);
    auto results = torch::autograd::grad({batch_norm_elu(one.x, one.norm).square().sum()}, one.leaves());
    results.push_back(one.norm.running_variance);
    return results;
  };
  const auto alone = run(1), shared = run(3);
  at::set_num_threads(before);
  for (size_t k = 0; k < alone.size(); ++k) CHECK(torch::equal(alone[k], shared[k]));
}

TEST_CASE("batch norm with ELU works where its kernels do not: float64, strides") {
  Case one({2, 3, 4, 5, 6}, true);
  const auto expected = batch_norm_elu(one.x, one.norm);
  const Case again({2, 3, 4, 5, 6}, true);
  CHECK(apart(batch_norm_elu(again.x.transpose(3, 4).contiguous().transpose(3, 4), again.norm), expected) < 2e-6);
  for (auto* t : {&one.norm.scale, &one.norm.offset, &one.norm.running_mean, &one.norm.running_variance})
    *t = t->to(at::kDouble);
  CHECK(apart(batch_norm_elu(one.x.to(at::kDouble), one.norm), expected) < 2e-6);
}

TEST_CASE("ELU is exact near 0 and far from it, whatever the instructions; NaN stays NaN") {
  const auto kernels = normalise::all_kernels();
  std::vector<float> x = {0, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (double v = 1e-9; v < 120; v *= 1.003) x.push_back(static_cast<float>(-v)), x.push_back(static_cast<float>(v));
  for (int k = 0; k < kernels.count; ++k) {
    std::vector<float> y(x.size());
    kernels.list[k]->activate(x.data(), y.data(), std::ssize(x), {});
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = x[i] > 0 ? double{x[i]} : std::expm1(double{x[i]});
      if (exact == 0 || std::isinf(exact)) {
        CHECK(double{y[i]} == exact);
      } else {
        worst = std::max(worst, std::abs(double{y[i]} - exact) / std::abs(exact));
      }
    }
    INFO(kernels.list[k]->name);
    CHECK(worst < 2e-7);
    float nan = std::nanf("");
    kernels.list[k]->activate(&nan, &nan, 1, {});
    CHECK(std::isnan(nan));
  }
}

TEST_CASE("the variance of numbers far from 0 is kept") {  // 1e4 +- 1: the sum of their squares would lose it
  std::vector<float> x(5000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 ? 10001.0f : 9999.0f;
  const auto kernels = normalise::all_kernels();
  for (int k = 0; k < kernels.count; ++k) {
    const auto moments = kernels.list[k]->moments(x.data(), std::ssize(x));
    CHECK(moments.mean == Approx(10000));
    CHECK(moments.deviations / 5000 == Approx(1).epsilon(1e-6));
  }
}

// The pool of 2 x 2 pixels against LibTorch's.
#include <ATen/ops/max_pool3d.h>
#include <plexiform/layers/max_pool.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>
#include <limits>

using plexiform::layers::max_pool_2x2;

TEST_CASE("the pool of 2 x 2 pixels is LibTorch's, its gradient too, to the bit") {
  at::manual_seed(1);
  for (const auto& shape : std::vector<std::vector<int64_t>>{
           {1, 1, 1, 2, 2}, {2, 3, 4, 8, 6}, {2, 3, 4, 7, 9}, {1, 2, 3, 3, 2}, {3, 1, 2, 1, 5}}) {
    // Small integers: many squares hold equal numbers.
    auto x = torch::randint(-1, 2, shape).to(torch::kFloat).requires_grad_();
    if (shape.back() < 2 || shape[3] < 2) {
      CHECK_THROWS(at::max_pool3d(x, {1, 2, 2}));
      CHECK_THROWS(max_pool_2x2(x));
      continue;
    }
    const auto ours = max_pool_2x2(x), theirs = at::max_pool3d(x, {1, 2, 2});
    CHECK(torch::equal(ours, theirs));
    const auto dy = torch::randn(ours.sizes());
    const auto of_ours = torch::autograd::grad({ours}, {x}, {dy})[0];
    CHECK(torch::equal(of_ours, torch::autograd::grad({theirs}, {x}, {dy})[0]));
    CHECK(torch::equal(max_pool_2x2(x.select(2, 0)), theirs.select(2, 0)));  // of one frame, not contiguous
  }
}

TEST_CASE("the largest of pixels of which one is not a number is not one") {
  for (int64_t k = 0; k < 4; ++k) {
    const auto x = torch::ones({1, 1, 1, 2, 2});
    x.view(-1)[k] = std::numeric_limits<float>::quiet_NaN();
    CHECK(max_pool_2x2(x).isnan().item<bool>());
  }
}

TEST_CASE("the gradient of the pool can be differentiated") {
  auto x = torch::rand({1, 2, 2, 4, 6}).requires_grad_();
  for (const bool contiguous : {true, false}) {
    const auto shown = contiguous ? x : x.transpose(3, 4);
    const auto pooled = max_pool_2x2(shown);
    const auto dy = torch::rand(pooled.sizes()).requires_grad_();
    const auto dx = torch::autograd::grad({pooled}, {x}, {dy}, true, true)[0];
    const auto ddy = torch::autograd::grad({dx.square().sum()}, {dy})[0];
    CHECK(torch::allclose(ddy, 2 * dy));
  }
}

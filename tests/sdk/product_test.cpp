// Products as convolutions against LibTorch's products.
#include <ATen/ops/linear.h>
#include <plexiform/layers/product.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::layers;

namespace {

double apart(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / (b.abs().max() + 1e-12)).item<double>();
}

}  // namespace

TEST_CASE("a product as a convolution has the values, the shape and the gradients of the product") {
  at::manual_seed(1);
  for (const auto& rows : std::vector<std::vector<int64_t>>{{16}, {4, 20}, {2, 8, 21}, {320}}) {
    for (const bool biased : {false, true}) {
      auto shape = rows;
      shape.push_back(37);
      const auto x = torch::randn(shape).requires_grad_(), weights = torch::randn({11, 37}).requires_grad_();
      const auto bias = biased ? torch::randn({11}).requires_grad_() : at::Tensor();
      std::vector<at::Tensor> of = {x, weights};
      if (biased) of.push_back(bias);
      const auto expected = at::linear(x, weights, bias), found = product_by_convolution(x, weights, bias, 16);
      REQUIRE(found.sizes() == expected.sizes());
      CHECK(found.is_contiguous());
      CHECK(apart(found, expected) < 1e-5);
      const auto dy = torch::randn_like(expected);
      const auto theirs = torch::autograd::grad({expected}, of, {dy}), ours = torch::autograd::grad({found}, of, {dy});
      for (size_t k = 0; k < of.size(); ++k) CHECK(apart(ours[k], theirs[k]) < 1e-5);
    }
  }
}

TEST_CASE("a product is LibTorch's for any number of rows, layout and dtype") {
  at::manual_seed(2);
  for (const int64_t rows : {1, 16, 509, 1018, 2560}) {
    const auto x = torch::randn({rows, 640}), weights = torch::randn({20, 640}), bias = torch::randn({20});
    CHECK(apart(product(x, weights, bias), at::linear(x, weights, bias)) < 1e-5);
    const auto across = torch::randn({640, rows}).t();
    CHECK(apart(product(across, weights), at::linear(across, weights)) < 1e-5);
    if (rows % 16 == 0)  // whatever the processor
      CHECK(apart(product_by_convolution(across, weights, bias, 16), at::linear(across, weights, bias)) < 1e-5);
    CHECK(apart(product(x.to(at::kDouble), weights.to(at::kDouble)), at::linear(x, weights)) < 1e-4);
  }
  CHECK(product(torch::zeros({0, 5}), torch::zeros({3, 5})).sizes() == at::IntArrayRef({0, 3}));
  CHECK_THROWS_AS(product(torch::zeros({2, 4}), torch::zeros({3, 5})), c10::Error);
}

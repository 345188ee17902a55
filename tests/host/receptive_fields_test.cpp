#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <insilico/receptive_fields.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::insilico;

namespace {

// response[b, t, n] = filters[n] . stimulus[b, :, t - 2 ... t]: three bins of history, T' = T - 2.
Predict linear(const at::Tensor& filters) {
  return [filters](const at::Tensor& stimulus) {
    const int64_t T = filters.size(2);
    const auto windows = stimulus.unfold(2, T, 1).permute({0, 2, 1, 5, 3, 4}).flatten(2);
    return at::matmul(windows, filters.flatten(1).t());
  };
}

}  // namespace

TEST_CASE("the receptive fields of a linear model are its filters") {
  const auto filters = at::randn({4, 2, 3, 5, 6}, at::kDouble);
  const auto fields = receptive_fields(linear(filters), at::randn({7, 2, 3, 5, 6}, at::kDouble));
  CHECK(at::allclose(fields, filters));
}

TEST_CASE("a field ends with the bin of the response and is zero before the model's history") {
  const auto filters = at::randn({4, 2, 3, 5, 6}, at::kDouble);
  const auto fields = receptive_fields(linear(filters), at::randn({7, 2, 8, 5, 6}, at::kDouble));
  CHECK(at::allclose(fields.slice(2, 5), filters));
  CHECK(fields.slice(2, 0, 5).abs().max().item<double>() == 0);
}

TEST_CASE("the field of a nonlinear model is its mean over the stimuli") {
  const auto filters = at::ones({1, 1, 1, 1, 1}, at::kDouble);
  const auto square = [&](const at::Tensor& x) { return linear(filters)(x).square(); };
  const auto stimuli = at::tensor({1.0, 2.0, 6.0}, at::kDouble).view({3, 1, 1, 1, 1});
  // d/dx x^2 = 2 x, mean 2 * 3
  CHECK(receptive_fields(square, stimuli).item<double>() == 6);
}

TEST_CASE("parameters get no gradient, and may be trained or frozen") {
  const auto filters = at::randn({2, 1, 3, 4, 4}, at::kDouble).requires_grad_();
  receptive_fields(linear(filters), at::randn({3, 1, 3, 4, 4}, at::kDouble));
  CHECK_FALSE(filters.grad().defined());
}

TEST_CASE("the center of a field is given as row and column in pixels") {
  auto fields = at::zeros({4, 1, 2, 8, 10}, at::kDouble);
  fields[0][0][1][2][7] = 1.0;   // one pixel
  fields[1][0][0][2][7] = -1.0;  // the sign and the bin do not matter
  fields[2][0][1][3][4] = 1.0;   // between two pixels
  fields[2][0][1][3][5] = -1.0;
  fields[2][0][1][0][0] = 0.4;  // weaker than half the peak: not counted
  const auto centers = receptive_field_centers(fields);
  CHECK(at::allclose(centers.slice(0, 0, 3), at::tensor({2.0, 7.0, 2.0, 7.0, 3.0, 4.5}, at::kDouble).view({3, 2})));
  CHECK(centers[3].isnan().all().item<bool>());  // no field
}

TEST_CASE("the center of a Gaussian that lies between pixels is found") {
  const auto y = at::arange(20, at::kDouble).view({-1, 1}) - 8.3, x = at::arange(24, at::kDouble) - 14.6;
  const auto field = (-(y.square() + x.square()) / (2 * 1.5 * 1.5)).exp().view({1, 1, 1, 20, 24});
  CHECK(at::allclose(receptive_field_centers(field), at::tensor({8.3, 14.6}, at::kDouble).view({1, 2}), 0, 0.1));
}

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <evaluation/metrics.h>
#include <plexiform/error.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

using namespace plexiform::evaluation;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

namespace {

at::Tensor column(const std::vector<double>& values) {  // (T, 1)
  return at::tensor(values, at::kDouble).unsqueeze(1);
}
at::Tensor repeats_of(const std::vector<std::vector<double>>& repeats) {  // (R, T, 1)
  std::vector<at::Tensor> all;
  for (const auto& one : repeats) all.push_back(column(one));
  return at::stack(all);
}
double value(const at::Tensor& scores, int64_t neuron = 0) {
  CHECK(scores.scalar_type() == at::kDouble);
  return scores[neuron].item<double>();
}

// sin(0.11 i) + 0.5 cos(0.037 i), rounded to float32.
at::Tensor input(at::IntArrayRef shape) {
  const at::Tensor i = at::arange(c10::multiply_integers(shape), at::kDouble);
  return ((i * 0.11).sin() + 0.5 * (i * 0.037).cos()).to(at::kFloat).reshape(shape);
}

}  // namespace

// The reference was computed in float32 by openretina 1.1.1.
TEST_CASE("the metrics agree with the reference implementation") {
  const at::Tensor repeats = input({30, 5, 4}).transpose(0, 1);
  const at::Tensor prediction = 0.5 * repeats.mean(0) + 0.3 * input({30, 4}).square();
  const auto check = [](const at::Tensor& scores, double sum, double sum_of_squares, const std::vector<double>& first,
                        double last) {
    CHECK(scores.sum().item<double>() == Approx(sum).epsilon(1e-5));
    CHECK(scores.square().sum().item<double>() == Approx(sum_of_squares).epsilon(1e-5));
    for (int64_t n = 0; n < 3; ++n) {
      CHECK(value(scores, n) == Approx(first[static_cast<size_t>(n)]).epsilon(1e-5));
    }
    CHECK(value(scores, 3) == Approx(last).epsilon(1e-5));
  };
  check(feve(prediction, repeats), 2.45417, 1.50593, {0.6042192, 0.6104189, 0.6167293}, 0.6228026);
  check(variances(repeats).ratio, 2.634765, 1.735497, {0.6584722, 0.6586023, 0.6587576}, 0.6589332);
  check(correlation(prediction, repeats.mean(0)), 3.407114, 2.902145, {0.8476658, 0.8503369, 0.8531526}, 0.855959);
  check(jackknife_oracle(repeats), 3.047467, 2.321765, {0.7616957, 0.7617974, 0.7619186}, 0.7620558);
}

TEST_CASE("correlation is Pearson's, and 0 for a constant") {
  CHECK(value(correlation(column({1, 2, 3}), column({10, 30, 20}))) == Approx(0.5));
  CHECK(value(correlation(column({1, 2, 3}), column({3, 2, 1}))) == Approx(-1));
  CHECK(value(correlation(column({1, 2, 3}), column({7, 7, 7}))) == 0);
}

TEST_CASE("single-trial correlation is the mean over repeats") {
  const at::Tensor repeats = repeats_of({{2, 4, 6}, {1, 3, 2}});  // 1 and 0.5
  CHECK(value(single_trial_correlation(column({1, 2, 3}), repeats)) == Approx(0.75));
}

TEST_CASE("squared error and Poisson loss are means over time") {
  CHECK(value(mean_squared_error(column({1, 2}), column({3, 5}))) == Approx((4 + 9) / 2.0));
  const double e = std::exp(1.0);
  CHECK(value(poisson_loss(column({1, e}), column({5, 2}))) == Approx((1 + e - 2) / 2).epsilon(1e-7));
  CHECK(std::isnan(value(poisson_loss(column({1, -1}), column({5, 2})))));
}

TEST_CASE("variances split into noise and what can be explained") {
  const at::Tensor repeats = repeats_of({{1, 5}, {3, 7}});
  const Variances v = variances(repeats);
  CHECK(value(v.total) == Approx(20 / 3.0));  // of 1 3 5 7
  CHECK(value(v.noise) == Approx(2));         // of 1 3, and of 5 7
  CHECK(value(v.explainable) == Approx(14 / 3.0));
  CHECK(value(v.ratio) == Approx(0.7));
  const Variances none = variances(repeats_of({{1, 3}, {3, 1}}));  // total 4/3 below noise 2
  CHECK(value(none.explainable) == 1e-9);
}

TEST_CASE("the explained fraction of the explainable variance is given with and without bounds") {
  const at::Tensor repeats = repeats_of({{1, 5}, {3, 7}});  // noise 2, explainable 14/3
  const auto fractions = [&](const std::vector<double>& p) {
    return std::pair(value(feve(column(p), repeats)), value(feve_unclipped(column(p), repeats)));
  };
  const auto [middle, middle_free] = fractions({4, 4});  // error 5
  CHECK(middle == Approx(1 - 3 / (14 / 3.0)));
  CHECK(middle_free == Approx(middle));
  const auto [best, best_free] = fractions({2, 6});  // error 1
  CHECK(best == 1);
  CHECK(best_free == Approx(1 + 1 / (14 / 3.0)));
  const auto [worst, worst_free] = fractions({6, 2});  // error 17
  CHECK(worst == 0);
  CHECK(worst_free == Approx(1 - 15 / (14 / 3.0)));
}

TEST_CASE("the jack-knife oracle of identical repeats is 1") {
  CHECK(value(jackknife_oracle(repeats_of({{1, 5, 2}, {1, 5, 2}, {1, 5, 2}}))) == Approx(1));
}

TEST_CASE("the noise ceiling follows from the variances of average and repeats") {
  // The average 0 4 1 3 has variance 10/3, the repeats 16/3 and 8/3: S = 2 * 10/3 - 4 = 8/3.
  const at::Tensor repeats = repeats_of({{0, 4, 0, 4}, {0, 4, 2, 2}});
  CHECK(value(noise_ceiling(repeats)) == Approx(std::sqrt(0.8)));
  CHECK(value(normalized_correlation(column({0, 4, 1, 3}), repeats)) == Approx(1 / std::sqrt(0.8)));
  const at::Tensor noise = repeats_of({{0, 2, 0, 2}, {0, 2, 2, 0}});  // S = 2 * 2/3 - 4/3 = 0
  CHECK(value(noise_ceiling(noise)) == 0);
  CHECK(std::isnan(value(normalized_correlation(column({0, 4, 1, 3}), noise))));
  CHECK(value(noise_ceiling(repeats_of({{5, 5}, {5, 5}}))) == 0);
}

TEST_CASE("the true rate reaches the noise ceiling") {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  const at::Tensor rate = at::randn({20000, 1}, generator, at::kDouble);
  const at::Tensor repeats = rate + 2 * at::randn({5, 20000, 1}, generator, at::kDouble);
  const double ceiling = std::sqrt(1 / (1 + 4 / 5.0));  // variances: rate 1, noise 4 over 5 repeats
  CHECK(value(noise_ceiling(repeats)) == Approx(ceiling).margin(0.01));
  CHECK(value(normalized_correlation(rate, repeats)) == Approx(1).margin(0.01));
}

TEST_CASE("neurons are scored apart from each other") {
  const at::Tensor a = column({1, 2, 3}), b = column({3, 1, 2});
  const at::Tensor both = correlation(at::stack({a, a}, 1).squeeze(2), at::stack({a, b}, 1).squeeze(2));
  CHECK(value(both, 0) == Approx(1));
  CHECK(value(both, 1) == Approx(-0.5));
}

TEST_CASE("a score sheet has every metric, and NaN for what needs repeats") {
  const at::Tensor p = column({1, 2, 3}), m = column({1, 3, 2});
  const auto alone = score(p, m, {});
  REQUIRE(alone.size() == definitions().size());
  for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i].name == definitions()[i].name);
  CHECK(alone[0].name == "correlation_to_average");
  CHECK(value(alone[0].tensor) == Approx(0.5));
  CHECK(std::isnan(value(alone[1].tensor)));
  const auto repeated = score(p, m, repeats_of({{1, 3, 2}, {0, 3, 3}}));
  for (const auto& metric : repeated) {
    INFO(metric.name);
    CHECK(std::isfinite(value(metric.tensor)));
  }
}

TEST_CASE("float32 and float64 responses give the same scores") {
  const at::Tensor repeats = 1000 + input({40, 2}) + 0.1 * input({3, 40, 2});
  const at::Tensor prediction = 1000 + input({40, 2}).square();
  const auto narrow = score(prediction, repeats.mean(0), repeats);
  const auto wide = score(prediction.to(at::kDouble), repeats.mean(0).to(at::kDouble), repeats.to(at::kDouble));
  for (size_t i = 0; i < wide.size(); ++i) CHECK(narrow[i].tensor.equal(wide[i].tensor));
}

TEST_CASE("shapes that do not agree are refused, never broadcast") {
  const at::Tensor p = at::zeros({5, 3});
  CHECK_THROWS_WITH(correlation(p, at::zeros({5, 1})),
                    ContainsSubstring("prediction: has shape (5, 3), the responses have (5, 1)"));
  CHECK_THROWS_WITH(mean_squared_error(p, at::zeros({6, 3})), ContainsSubstring("drop the responses' first bins"));
  CHECK_THROWS_WITH(feve(p, at::zeros({2, 5, 1})), ContainsSubstring("the responses have (5, 1)"));
  CHECK_THROWS_WITH(variances(at::zeros({1, 5, 3})), ContainsSubstring("repeats: have shape (1, 5, 3)"));
  CHECK_THROWS_WITH(noise_ceiling(at::zeros({5, 3})), ContainsSubstring("at least 2 repeats"));
  CHECK_THROWS_AS(score(p, at::zeros({5, 3}), at::zeros({3, 5, 2})), plexiform::Error);
}

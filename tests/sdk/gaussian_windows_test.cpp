// The kernel of Gaussian windows against LibTorch's operators.
#include <plexiform/layers/gaussian_windows.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::layers;

namespace {

struct Case {
  int64_t neurons, height, width;
  std::optional<double> farthest;
};
const std::vector<Case> cases = {{1, 1, 1, {}},  {3, 8, 6, {}},    {3, 8, 6, 20.0},
                                 {5, 1, 9, 2.0}, {40, 30, 41, {}}, {40, 30, 41, 20.0}};

double apart(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / (b.abs().max() + 1e-12)).item<double>();
}

}  // namespace

TEST_CASE("Gaussian windows and their gradients are the operators'") {
  at::manual_seed(1);
  for (const auto& c : cases) {
    INFO(c.neurons << " neurons, " << c.height << " x " << c.width << ", to " << c.farthest.value_or(0));
    const auto centres = torch::randn({c.neurons, 2}).requires_grad_();
    const auto log_variances = (2 * torch::randn({c.neurons})).requires_grad_();
    const auto exact = [&](const at::Tensor& m, const at::Tensor& v) {
      return gaussian_windows_by_operators(m, v, c.height, c.width, c.farthest);
    };
    const auto m = centres.detach().to(at::kDouble).requires_grad_(),
               v = log_variances.detach().to(at::kDouble).requires_grad_();
    const auto ours = gaussian_windows(centres, log_variances, c.height, c.width, c.farthest), theirs = exact(m, v);
    CHECK(apart(ours, theirs) < 1e-5);
    CHECK(apart(ours.sum({1, 2}), torch::ones(c.neurons)) < 1e-5);
    const auto dy = torch::randn_like(ours);
    const auto of_ours = torch::autograd::grad({ours}, {centres, log_variances}, {dy}, true, /*create_graph=*/false),
               of_theirs = torch::autograd::grad({theirs}, {m, v}, {dy.to(at::kDouble)});
    for (size_t k = 0; k < 2; ++k) CHECK((of_ours[k] - of_theirs[k]).abs().max().item<double>() < 2e-5 * c.neurons);
    // Differentiated again: the slope of the gradients' sum along each leaf.
    auto again = [](const at::Tensor& windows, const at::Tensor& by, const std::vector<at::Tensor>& of) {
      const auto first = torch::autograd::grad({windows}, of, {by}, true, /*create_graph=*/true);
      return torch::autograd::grad({first[0].sum() + first[1].sum()}, of);
    };
    const auto twice = again(gaussian_windows(centres, log_variances, c.height, c.width, c.farthest), dy,
                             {centres, log_variances}),
               expected = again(exact(m, v), dy.to(at::kDouble), {m, v});
    for (size_t k = 0; k < 2; ++k) CHECK((twice[k] - expected[k]).abs().max().item<double>() < 1e-4 * c.neurons);
  }
}

TEST_CASE("a Gaussian window off the map, or as narrow as a pixel, is a window") {
  const auto centres = torch::tensor({{30.f, -40.f}, {0.1f, 0.2f}, {0.f, 0.f}}).requires_grad_();
  const auto log_variances = torch::tensor({-3.f, -50.f, 50.f}).requires_grad_();
  const auto windows = gaussian_windows(centres, log_variances, 7, 5);
  CHECK(apart(windows, gaussian_windows_by_operators(centres, log_variances, 7, 5)) < 1e-6);
  CHECK(windows[0][6][0].item<double>() > 0.99);  // the nearest pixel has it
  CHECK(apart(windows[2], torch::full({7, 5}, 1.0 / 35)) < 1e-5);
  const auto gradients = torch::autograd::grad({windows}, {centres, log_variances}, {torch::randn_like(windows)});
  for (const double farthest : {20.0, 200.0, 2000.0}) {  // all of the map lies beyond, or nearly
    const auto flat = gaussian_windows(centres, log_variances, 7, 5, farthest);
    CHECK(apart(flat, gaussian_windows_by_operators(centres, log_variances, 7, 5, farthest)) < 1e-5);
    CHECK(apart(flat.sum({1, 2}), torch::ones(3)) < 1e-5);
  }
  for (const auto& gradient : gradients) CHECK(gradient.isfinite().all().item<bool>());
  CHECK(gradients[1][1].item<double>() == 0);  // of variances that are held
  CHECK(gradients[1][2].item<double>() == 0);
}

TEST_CASE("Gaussian windows refuse shapes that do not fit") {
  CHECK_THROWS_AS(gaussian_windows(torch::zeros({3, 3}), torch::zeros({3}), 4, 4), c10::ValueError);
  CHECK_THROWS_AS(gaussian_windows(torch::zeros({3, 2}), torch::zeros({2}), 4, 4), c10::ValueError);
  CHECK(gaussian_windows(torch::zeros({3, 2}, at::kDouble), torch::zeros({3}, at::kDouble), 4, 4).dtype() ==
        at::kDouble);
}

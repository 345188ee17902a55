// Batch norm over several processes, against LibTorch's own: here one process, or one that has itself for a neighbour.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/instance_norm.h>
#include <ATen/ops/stack.h>
#include <parallel/host/batch_norm.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>

using plexiform::parallel::SharedStatistics;

namespace {

// The output, gradients and running statistics of batch norm of the same numbers.
std::vector<at::Tensor> normalised(bool training, bool affine = true) {
  at::manual_seed(1);
  const auto x = (3 + 2 * torch::randn({4, 3, 2, 5})).requires_grad_();
  const auto weight = affine ? torch::rand({3}).requires_grad_() : at::Tensor();
  const auto bias = affine ? torch::randn({3}).requires_grad_() : at::Tensor();
  const auto mean = torch::zeros({3}), variance = torch::ones({3});
  const auto y = at::batch_norm(x, weight, bias, mean, variance, training, 0.1, 1e-5, true);
  const auto leaves = affine ? std::vector<at::Tensor>{x, weight, bias} : std::vector<at::Tensor>{x};
  auto all = torch::autograd::grad({y}, leaves, {torch::randn(y.sizes())});
  all.insert(all.end(), {y.detach(), mean, variance});
  return all;
}

void check_close(const std::vector<at::Tensor>& ours, const std::vector<at::Tensor>& theirs) {
  REQUIRE(ours.size() == theirs.size());
  for (size_t k = 0; k < ours.size(); ++k) {
    INFO(k);
    CHECK(at::allclose(ours[k], theirs[k], 1e-5, 1e-5));
  }
}

}  // namespace

TEST_CASE("batch norm over one process is LibTorch's, gradients and running statistics too") {
  for (const bool affine : {true, false}) {
    const auto trained = normalised(true, affine), evaluated = normalised(false, affine);
    const SharedStatistics shared([](const at::Tensor& own) { return own.unsqueeze(0); });
    check_close(normalised(true, affine), trained);
    check_close(normalised(false, affine), evaluated);
  }
  normalised(true);  // what was registered is gone again
}

TEST_CASE("batch norm is over what all processes have") {
  // Another process has the same numbers, shifted by 2: the mean is 1 larger, the variance 1.
  at::manual_seed(1);
  const auto x = torch::randn({6, 2, 4});
  const auto own = x.var({0, 2}, false);
  const SharedStatistics shared([](const at::Tensor& mine) {
    auto theirs = mine.clone();
    theirs[0] += 2;
    return at::stack({mine, theirs});
  });
  const auto y = at::batch_norm(x, {}, {}, {}, {}, true, 0.1, 0, true);
  const auto expected = (x - (x.mean({0, 2}) + 1).view({2, 1})) / (own + 1).sqrt().view({2, 1});
  CHECK(at::allclose(y, expected, 1e-5, 1e-6));
}

TEST_CASE("instance norm stays each row's own") {
  at::manual_seed(1);
  const auto x = torch::randn({3, 2, 7});
  const auto alone = at::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, true);
  int calls = 0;
  const SharedStatistics shared([&](const at::Tensor& own) {
    ++calls;
    return own.unsqueeze(0);
  });
  CHECK(at::equal(at::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, true), alone));
  CHECK(calls == 0);
}

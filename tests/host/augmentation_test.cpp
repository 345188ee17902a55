// What `augmentation` does to training windows.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <training/augmentation.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <set>

using Catch::Matchers::WithinAbs;
using plexiform::training::Augmentation;

TEST_CASE("no augmentation hands on the stimulus itself, and draws nothing") {
  at::manual_seed(1);
  const auto first = at::randn({2});
  at::manual_seed(1);
  const auto stimulus = at::arange(48).view({1, 2, 2, 3, 4}).to(at::kFloat);
  CHECK(Augmentation{}(stimulus).is_same(stimulus));
  CHECK(at::equal(at::randn({2}), first));
}

TEST_CASE("noise has its standard deviation and is independent everywhere") {
  at::manual_seed(2);
  const auto noise = Augmentation{.noise = 0.5}(at::zeros({4, 1, 50, 20, 20}));
  CHECK_THAT(noise.mean().item<double>(), WithinAbs(0, 0.01));
  CHECK_THAT(noise.std().item<double>(), WithinAbs(0.5, 0.01));
  CHECK_THAT((noise.slice(2, 1) * noise.slice(2, 0, -1)).mean().item<double>(), WithinAbs(0, 0.01));
}

TEST_CASE("contrast and brightness are one number for each window") {
  at::manual_seed(3);
  const auto stimulus = at::randn({64, 2, 3, 4, 5});
  const auto ratio = Augmentation{.contrast = 0.2}(stimulus) / stimulus;
  const auto factors = ratio.flatten(1).mean(1);
  CHECK((ratio.flatten(1) - factors.unsqueeze(1)).abs().max().item<double>() < 1e-3);
  CHECK(factors.min().item<double>() > 0.8 - 1e-3);
  CHECK(factors.max().item<double>() < 1.2 + 1e-3);
  CHECK(factors.max().item<double>() - factors.min().item<double>() > 0.3);
  const auto added = Augmentation{.brightness = 0.3}(stimulus)-stimulus;
  CHECK(added.flatten(1).std(1).max().item<double>() < 1e-5);
  CHECK(added.abs().max().item<double>() > 0.25);
  CHECK(added.abs().max().item<double>() < 0.3 + 1e-5);
}

TEST_CASE("a shift moves a window as a whole, borders repeated, and reaches every place") {
  at::manual_seed(4);
  const auto frame = at::arange(12).view({3, 4}).to(at::kFloat);
  const auto stimulus = frame.expand({200, 2, 3, 3, 4}).contiguous();
  const auto moved = Augmentation{.shift = 1}(stimulus);
  REQUIRE(moved.sizes() == stimulus.sizes());
  std::set<std::pair<int64_t, int64_t>> places;
  for (int64_t b = 0; b < moved.size(0); ++b) {
    for (int64_t down = -1; down <= 1; ++down) {
      for (int64_t right = -1; right <= 1; ++right) {
        const auto rows = (at::arange(3) + down).clamp(0, 2), columns = (at::arange(4) + right).clamp(0, 3);
        const auto expected = frame.index_select(0, rows).index_select(1, columns);
        if (at::equal(moved[b], expected.expand({2, 3, 3, 4}))) places.emplace(down, right);
      }
    }
  }
  CHECK(places.size() == 9);
}

TEST_CASE("the same seed gives the same augmentation") {
  const Augmentation all{.noise = 0.1, .contrast = 0.1, .brightness = 0.1, .shift = 2};
  const auto stimulus = at::randn({3, 1, 4, 5, 6});
  at::manual_seed(5);
  const auto once = all(stimulus);
  CHECK_FALSE(at::equal(all(stimulus), once));
  at::manual_seed(5);
  CHECK(at::equal(all(stimulus), once));
  at::manual_seed(5);
  CHECK(at::equal(all(stimulus.narrow(0, 0, 2)), once.narrow(0, 0, 2)));  // whatever other windows there are
}

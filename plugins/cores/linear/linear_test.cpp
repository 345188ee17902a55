#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>

using namespace plexiform::testing;

TEST_CASE("linear keeps the core contract") {
  check_core_contract("plexiform.cores.Linear", "{features: 3, kernel: 5, smoothness: 0.1}", {2, 4, 9, 8});
}

TEST_CASE("a delta filter crops the stimulus") {
  auto core = make_core("plexiform.cores.Linear", "{features: 1, kernel: 3}", {1, 4, 8, 8});
  at::NoGradGuard no_grad;
  auto filter = tensor(*core, "filter");
  filter.zero_();
  filter.select(3, 1).select(3, 1).fill_(1);  // its central pixel
  const auto x = wave({2, 1, 4, 8, 8});
  CHECK(at::equal(core->forward(x, {}), x.slice(3, 1, 7).slice(4, 1, 7)));
}

TEST_CASE("an even kernel and one larger than the frame are refused") {
  auto refusal = [](const char* knobs) {
    return refusal_of([&] { make_core("plexiform.cores.Linear", knobs, {1, 4, 8, 8}); });
  };
  CHECK(refusal("{kernel: 14}") == "kernel: is 14\n  fix: use 13 or 15 (filter side, px)");
  CHECK(refusal("{kernel: 9}") == "kernel: is 9 for frames of 8 x 8 px\n  fix: use at most 7");
}

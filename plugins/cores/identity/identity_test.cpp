#include <ATen/ops/equal.h>
#include <testing.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

using namespace plexiform::testing;

namespace {

const std::string ours = "plexiform.cores.Identity", theirs = "openretina.modules.core.base_core.DummyCore";

}  // namespace

TEST_CASE("identity keeps the core contract") {
  check_core_contract(ours, "{}", {2, 4, 5, 6});
  check_core_contract(theirs, "{cut_first_n_frames: 2}", {2, 5, 4, 3});
}

TEST_CASE("the movie comes through without its first bins") {
  const auto x = wave({2, 3, 7, 4, 5});
  CHECK(at::equal(make_core(ours, "{}", {3, 7, 4, 5})->forward(x, {}), x));
  CHECK(at::equal(make_core(theirs, "{cut_first_n_frames: null}", {3, 7, 4, 5})->forward(x, {}), x));
  const auto cut = make_core(theirs, "{cut_first_n_frames: 2}", {3, 7, 4, 5})->forward(x, {});
  CHECK(at::equal(cut, x.slice(2, 2, 7)));
}

TEST_CASE("a clip of which nothing is left is refused") {
  CHECK_THROWS_WITH(make_core(ours, "{cut_first_n_frames: 7}", {3, 7, 4, 5}),
                    "cut_first_n_frames: is 7 for a clip of 7 bins\n  fix: use at most 6, or a longer window");
}

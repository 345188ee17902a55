// Expected values: NumPy 1.26 and 2.4, RandomState(seed).<call>, printed as they are below.
#include <data/numpy_random.h>

#include <catch2/catch_test_macros.hpp>

using plexiform::data::NumpyRandom;
using Numbers = std::vector<int64_t>;

TEST_CASE("permutations are those of NumPy's legacy generator") {
  CHECK(NumpyRandom(42).permutation(10) == Numbers({8, 1, 5, 0, 7, 2, 9, 4, 3, 6}));
}

TEST_CASE("draws without replacement are those of NumPy's legacy generator") {
  CHECK(NumpyRandom(42).choice(108, 15) == Numbers({77, 10, 4, 83, 62, 67, 30, 45, 95, 11, 81, 79, 0, 80, 18}));
  CHECK(NumpyRandom(42).choice(141, 20) ==
        Numbers({68, 108, 31, 51, 95, 137, 82, 114, 134, 12, 27, 45, 19, 105, 111, 139, 26, 136, 11, 120}));
}

TEST_CASE("bounded integers are those of NumPy's legacy generator") {
  NumpyRandom random(7);  // RandomState(7).randint(0, 50, 12)
  for (const int64_t expected : {47, 4, 25, 3, 19, 23, 39, 28, 14, 23, 8, 25}) {
    CHECK(random.below(50) == expected);
  }
}

TEST_CASE("calls of several kinds go on with one sequence, as in NumPy") {
  NumpyRandom random(1);  // permutation(5); randint(0, 1000, 4); randint(0, 1); permutation(3)
  CHECK(random.permutation(5) == Numbers({2, 1, 4, 0, 3}));
  for (const int64_t expected : {905, 715, 645, 847}) CHECK(random.below(1000) == expected);
  CHECK(random.below(1) == 0);
  CHECK(random.permutation(3) == Numbers({1, 2, 0}));
}

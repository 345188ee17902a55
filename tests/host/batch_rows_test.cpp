// Random numbers for the rows of a batch that several processes share.
#include <ATen/core/Generator.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <parallel/host/batch_rows.h>
#include <plexiform/layers/rows.h>
#include <torch/types.h>

#include <catch2/catch_test_macros.hpp>

using plexiform::layers::draw_rows;
using plexiform::parallel::BatchRows;

namespace {

at::Tensor drawn(int64_t rows) {
  at::manual_seed(1);
  return draw_rows(rows, [](int64_t n) { return at::randn({n, 3}); });
}

}  // namespace

TEST_CASE("the shares of the processes together have the draws of one process") {
  const auto of = [](int64_t rank, int64_t each) {
    const BatchRows rows({rank, 2}, 5);  // 2 rows, and 3
    return drawn(each * (2 + rank));
  };
  CHECK(at::equal(at::cat({of(0, 1), of(1, 1)}), drawn(5)));
  CHECK(at::equal(at::cat({of(0, 4), of(1, 4)}), drawn(20)));  // 4 frames of each row
}

TEST_CASE("what is computed in every process, or is no row of the batch, is drawn alike") {
  const auto once = drawn(1);
  {
    const BatchRows rows({1, 2}, 5);
    CHECK(at::equal(drawn(1), once));
  }
  const BatchRows too_few({1, 2}, 1);
  CHECK(at::equal(drawn(1), once));
}

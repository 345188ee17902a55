// Where several processes share a batch the host registers the operator
//   plexiform::rows_of_batch() -> int[]    begin, end: the rows that this process computes now; how many the batch has
// which answers with an empty list while every process computes all rows.
#include <ATen/core/dispatch/Dispatcher.h>
#include <plexiform/layers/rows.h>

namespace plexiform::layers {

at::Tensor draw_rows(int64_t rows, const std::function<at::Tensor(int64_t)>& draw) {
  const auto found = c10::Dispatcher::singleton().findSchema({"plexiform::rows_of_batch", ""});
  if (!found) return draw(rows);
  const auto share = found->typed<std::vector<int64_t>()>().call();
  if (share.empty()) return draw(rows);
  const int64_t begin = share[0], own = share[1] - begin, all = share[2], each = rows / own;
  if (each * own != rows) return draw(rows);  // no rows of the batch
  return draw(each * all).narrow(0, each * begin, rows);
}

}  // namespace plexiform::layers

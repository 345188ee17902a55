#include <data/numpy_random.h>

#include <bit>
#include <numeric>

namespace plexiform::data {

int64_t NumpyRandom::below(int64_t n) {
  const uint64_t last = static_cast<uint64_t>(n) - 1;
  if (last == 0) return 0;  // no draw: keeps the sequence in step with NumPy's
  const uint64_t mask = (uint64_t{1} << std::bit_width(last)) - 1;
  uint64_t value = 0;
  do {
    value = engine_() & mask;
  } while (value > last);
  return static_cast<int64_t>(value);
}

std::vector<int64_t> NumpyRandom::permutation(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[below(i + 1)]);
  return order;
}

std::vector<int64_t> NumpyRandom::choice(int64_t n, int64_t count) {
  auto order = permutation(n);
  order.resize(count);
  return order;
}

}  // namespace plexiform::data

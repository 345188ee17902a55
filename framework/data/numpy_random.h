// NumPy's legacy generator (numpy.random.RandomState), so that published validation clips come out
// the same: MT19937, bounded draws by masked rejection of its 32-bit outputs.
// Source  Matsumoto & Nishimura 1998, ACM Trans. Model. Comput. Simul. 8:3-30.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace plexiform::data {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}          // RandomState(seed)
  explicit NumpyRandom(std::seed_seq& words) : engine_(words) {}  // not one of NumPy's

  // Uniform on [0, n), n from 1 to 2^32: randint(0, n).
  int64_t below(int64_t n);
  // 0 .. n-1 in random order.
  std::vector<int64_t> permutation(int64_t n);
  // `count` different ones of 0 .. n-1: choice(n, count, replace=False).
  std::vector<int64_t> choice(int64_t n, int64_t count);

 private:
  std::mt19937 engine_;  // seeded by one word as NumPy does it
};

}  // namespace plexiform::data

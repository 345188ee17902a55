// NumPy's legacy generator (numpy.random.RandomState), so that published validation clips come out
// the same. Source  MT19937: Matsumoto & Nishimura 1998, ACM TOMACS 8:3-30. Bounded draws: masked
// rejection of 32-bit outputs.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace plexiform::data {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}  // RandomState(seed)
  explicit NumpyRandom(std::seed_seq& seeds)
      : engine_(seeds) {}  // any number of words; NumPy has no such

  // Uniform on [0, n), n from 1 to 2^32: randint(0, n).
  int64_t below(int64_t n);
  // 0 .. n-1 in random order.
  std::vector<int64_t> permutation(int64_t n);
  // `count` different ones of 0 .. n-1: choice(n, count, replace=False).
  std::vector<int64_t> choice(int64_t n, int64_t count);

 private:
  std::mt19937 engine_;  // its seeding by one word is NumPy's
};

}  // namespace plexiform::data

// The rows of a batch that are one process' of several: nearly equal shares, one after another.
#pragma once

#include <cstdint>

namespace plexiform::parallel {

struct Share {
  int64_t rank = 0, ranks = 1;

  int64_t begin(int64_t rows) const { return rank * rows / ranks; }
  int64_t end(int64_t rows) const { return (rank + 1) * rows / ranks; }
  int64_t count(int64_t rows) const { return end(rows) - begin(rows); }
  // Fewer rows than processes are not divided: each process has all of them.
  bool divides(int64_t rows) const { return ranks > 1 && rows >= ranks; }
};

}  // namespace plexiform::parallel

// Which rows of a batch this process computes while the object lives, for components that draw numbers for each row
// (plexiform/layers/rows.h): what the operator plexiform::rows_of_batch says.
// Threads  one at a time.
#pragma once

#include <parallel/share.h>

namespace plexiform::parallel {

class BatchRows {
 public:
  BatchRows(const Share& share, int64_t rows);  // of the whole batch
  ~BatchRows();
  BatchRows(const BatchRows&) = delete;
};

}  // namespace plexiform::parallel

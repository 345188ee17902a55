// Lets each cell type count the same in a loss, however many of its neurons were recorded.
#pragma once

#include <plexiform/loss.h>

#include <map>
#include <optional>

namespace plexiform::layers {

class CellTypeWeights {
 public:
  // name    of the sessions' cell types (N), whole numbers; "": every neuron counts the same
  // counts  neurons of type 1, 2, ...; null: counted over all sessions, whatever the numbers of their types
  // Throws Error("cell_types" or "group_counts", ...) when a session's data do not hold them or a count is missing.
  CellTypeWeights(const LossContext& context, const std::string& name,
                  const std::optional<std::vector<int64_t>>& counts);

  // weight[n] = mean count of a type / count of n's type, (N) float64; undefined for no cell types or no such session.
  at::Tensor of(const std::string& session) const;

 private:
  std::map<std::string, at::Tensor> weights_;  // by session
};

}  // namespace plexiform::layers

#include <ATen/ops/tensor.h>
#include <plexiform/error.h>
#include <plexiform/layers/cell_types.h>

namespace plexiform::layers {

namespace {

std::vector<int64_t> types_of(const SessionFacts& session, const std::string& name) {
  const auto types = find(session.info, name);
  if (!types.defined() || types.numel() != session.neurons) {
    throw Error("cell_types",
                "the data of session '" + session.name + "' have " + (types.defined() ? "not one" : "no") + " '" +
                    name + "'" + (types.defined() ? " per neuron" : ""),
                "store it as session_info/" + name + ", one whole number per neuron");
  }
  const auto whole = types.flatten().to(at::kLong).contiguous();
  return {whole.const_data_ptr<int64_t>(), whole.const_data_ptr<int64_t>() + session.neurons};
}

}  // namespace

CellTypeWeights::CellTypeWeights(const LossContext& context, const std::string& name,
                                 const std::optional<std::vector<int64_t>>& counts) {
  if (name.empty()) return;
  std::map<std::string, std::vector<int64_t>> types;
  std::map<int64_t, double> count;
  for (const auto& session : context.sessions) {
    types[session.name] = types_of(session, name);
    if (counts) continue;
    for (const int64_t type : types[session.name]) ++count[type];
  }
  if (counts) {
    for (size_t i = 0; i < counts->size(); ++i) count[static_cast<int64_t>(i) + 1] = static_cast<double>((*counts)[i]);
  }
  double mean = 0;
  for (const auto& [type, neurons] : count) mean += neurons / static_cast<double>(count.size());
  for (const auto& [session, of_neurons] : types) {
    std::vector<double> weights;
    for (const int64_t type : of_neurons) {
      if (count[type] == 0) {
        throw Error("group_counts",
                    "has no count of type " + std::to_string(type) + ", which session '" + session + "' has",
                    "give a count above 0 for each type from 1 on, or leave it out: neurons are then counted");
      }
      weights.push_back(mean / count[type]);
    }
    weights_[session] = at::tensor(weights);
  }
}

at::Tensor CellTypeWeights::of(const std::string& session) const {
  const auto found = weights_.find(session);
  return found == weights_.end() ? at::Tensor() : found->second;
}

}  // namespace plexiform::layers

#include <plexiform/error.h>
#include <plexiform/layers/per_neuron.h>
#include <torch/types.h>

namespace plexiform::layers {

PerNeuron::PerNeuron(const LossContext& context, double initial) {
  for (const auto& session : context.sessions) {
    values_[session.name] = register_parameter(session.name, torch::full({session.neurons}, initial));
  }
  if (values_.empty()) values_["all"] = register_parameter("all", torch::full({}, initial));
}

at::Tensor PerNeuron::of(const std::string& session) const {
  const bool one_for_all = values_.size() == 1 && values_.begin()->second.dim() == 0;
  const auto found = one_for_all ? values_.begin() : values_.find(session);
  if (found == values_.end()) {
    throw Error("", "nothing was learnt of the neurons of session '" + session + "'",
                "compare only sessions that the model was built with");
  }
  return found->second;
}

}  // namespace plexiform::layers

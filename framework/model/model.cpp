#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <model/model.h>

#include <map>

namespace plexiform::model {
namespace {

at::Tensor or_zero(const at::Tensor& penalty) { return penalty.defined() ? penalty : at::zeros({}); }

void append(std::vector<Named>& all, const std::string& prefix, std::vector<Named> some) {
  for (auto& [name, tensor] : some) all.push_back({prefix + name, std::move(tensor)});
}

std::string shape_text(const at::Tensor& tensor) {
  std::string text = "(";
  for (const auto size : tensor.sizes()) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + ")";
}

}  // namespace

at::Tensor Model::forward(const at::Tensor& stimulus, size_t session) const {
  const Given given(heads[session].session);
  return heads[session].readout->forward(core->forward(stimulus, given), given);
}

at::Tensor Model::core_penalty() const { return or_zero(core->penalty()); }

at::Tensor Model::loss_penalty() const { return or_zero(loss->penalty()); }

at::Tensor Model::readout_penalty(size_t session) const { return or_zero(heads[session].readout->penalty()); }

std::vector<Named> Model::parameters() const {
  std::vector<Named> all;
  append(all, "core.", core->parameters());
  for (const auto& head : heads) append(all, "readout." + head.session + ".", head.readout->parameters());
  append(all, "loss.", loss->parameters());
  return all;
}

std::vector<Named> Model::buffers() const {
  std::vector<Named> all;
  append(all, "core.", core->buffers());
  for (const auto& head : heads) append(all, "readout." + head.session + ".", head.readout->buffers());
  append(all, "loss.", loss->buffers());
  return all;
}

std::vector<Named> Model::state() const {
  auto all = parameters();
  append(all, "", buffers());
  return all;
}

void Model::load_state(const std::vector<Named>& tensors, const std::string& file) const {
  const char* const fix = "load it with the configuration that it was trained with";
  std::map<std::string, at::Tensor> stored;
  for (const auto& [name, tensor] : tensors) stored[name] = tensor;
  const auto own = state();
  for (const auto& [name, tensor] : own) {  // all is checked before anything is written
    const auto found = stored.find(name);
    if (found == stored.end()) throw Error(file, "has no tensor '" + name + "'", fix);
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(file,
                  "tensor '" + name + "' is " + shape_text(found->second) + ", the model's is " + shape_text(tensor),
                  fix);
    }
  }
  if (stored.size() > own.size()) {
    for (const auto& [name, tensor] : own) stored.erase(name);
    throw Error(file, "holds '" + stored.begin()->first + "', which this model does not have", fix);
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(stored[name]);
}

void Model::train(bool on) const {
  core->train(on);
  for (const auto& head : heads) head.readout->train(on);
  loss->train(on);
}

void Model::project() const {
  const at::NoGradGuard no_grad;
  core->project();
  for (const auto& head : heads) head.readout->project();
  loss->project();
}

}  // namespace plexiform::model

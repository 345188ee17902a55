#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fnmatch.h>
#include <training/optimizer.h>

#include <cmath>
#include <map>
#include <set>

namespace plexiform::training {
namespace {

struct GroupParams {
  double lr, weight_decay;
  void describe(auto& knob) {
    knob("lr", lr, {.doc = "learning rate of the group", .min = 0});
    knob("weight_decay", weight_decay, {.doc = "of the group", .min = 0});
  }
};

std::vector<at::Tensor> gradients_of(const std::vector<Named>& parameters) {
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  return gradients;
}

}  // namespace

Optimizer::Optimizer(std::vector<Named> parameters, double learning_rate, double weight_decay, const Json& groups,
                     std::vector<std::string> moments)
    : parameters_(std::move(parameters)), learning_rate_(learning_rate), moment_names_(std::move(moments)) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : parameters_) {
    if (!names.insert(name).second) throw Error(name, "is the name of two parameters", "rename one");
    // The fused kernels walk through the memory from front to back.
    if (!tensor.is_non_overlapping_and_dense()) {
      throw Error(name, "is a parameter whose memory has gaps or overlaps", "register a clone() of it");
    }
  }
  moments_.assign(moment_names_.size(), std::vector<at::Tensor>(parameters_.size()));
  assign_groups(groups, weight_decay);
}

void Optimizer::assign_groups(const Json& groups, double weight_decay) {
  if (!groups.is_null() && !groups.is_object()) {
    throw Error("groups", "is " + groups.dump() + ", not a mapping",
                "write 'core.*: {lr: 0.001}', one pattern per line");
  }
  group_of_.assign(parameters_.size(), groups.is_null() ? 0 : groups.size());
  std::vector<bool> taken(parameters_.size());
  std::vector<std::string> names;
  for (const auto& parameter : parameters_) names.push_back(parameter.name);
  for (const auto& [pattern, values] : groups.items()) {
    GroupParams params{learning_rate_, weight_decay};
    try {
      read_params(params, values);
    } catch (const Error& e) {
      throw Error("groups." + pattern + (e.where().empty() ? "" : "." + e.where()), e.problem(), e.fix());
    }
    if (params.lr > 0 && learning_rate_ == 0) {
      throw Error("groups." + pattern + ".lr", "has no ratio to an lr of 0", "give the optimiser an lr above 0");
    }
    bool any = false;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (fnmatch(pattern.c_str(), names[i].c_str(), 0) != 0) continue;
      any = true;
      if (!taken[i]) group_of_[i] = groups_.size();
      taken[i] = true;
    }
    if (!any && !parameters_.empty()) {
      throw Error("groups." + pattern, "matches no parameter that is trained", did_you_mean(pattern, names));
    }
    groups_.push_back({learning_rate_ == 0 ? 1 : params.lr / learning_rate_, params.weight_decay});
  }
  groups_.push_back({1, weight_decay});
}

void Optimizer::zero_grad() {
  for (const auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
}

void Optimizer::set_learning_rate(double rate) {
  if (!std::isfinite(rate) || rate < 0)
    throw Error("lr", "is " + std::to_string(rate), "use a finite number, at least 0");
  learning_rate_ = rate;
}

std::vector<Optimizer::Active> Optimizer::active() const {
  std::vector<Active> all(groups_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].tensor;
    at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.strides() != parameter.strides()) gradient = at::empty_like(parameter).copy_(gradient);
    Active& active = all[group_of_[i]];
    active.indices.push_back(i);
    active.parameters.push_back(parameter);
    active.gradients.push_back(std::move(gradient));
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    all[g].learning_rate = groups_[g].rate_ratio * learning_rate_;
    all[g].weight_decay = groups_[g].weight_decay;
  }
  std::erase_if(all, [](const Active& active) { return active.indices.empty(); });
  return all;
}

at::Tensor Optimizer::new_moment(size_t moment, size_t index) const {
  const at::Tensor& parameter = parameters_[index].tensor;
  if (moment_names_[moment] == "step") return at::zeros({}, parameter.options().dtype(at::kFloat));
  return at::zeros_like(parameter);
}

std::vector<at::Tensor> Optimizer::moments(size_t moment, const std::vector<size_t>& indices) {
  std::vector<at::Tensor> chosen;
  for (const size_t i : indices) {
    if (!moments_[moment][i].defined()) moments_[moment][i] = new_moment(moment, i);
    chosen.push_back(moments_[moment][i]);
  }
  return chosen;
}

OptimizerState Optimizer::state() const {
  OptimizerState state;
  state.scalars = {{"learning_rate", learning_rate_}};
  for (size_t i = 0; i < parameters_.size(); ++i) {
    for (size_t m = 0; m < moment_names_.size(); ++m) {
      if (moments_[m][i].defined()) {
        state.tensors.push_back({parameters_[i].name + "." + moment_names_[m], moments_[m][i]});
      }
    }
  }
  return state;
}

void Optimizer::restore(const OptimizerState& state) {
  const at::NoGradGuard no_grad;
  const std::string fix = "resume with the model and the optimiser that made the checkpoint";
  std::map<std::string, at::Tensor> found;
  for (const auto& [name, tensor] : state.tensors) found[name] = tensor;
  auto restored = moments_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    size_t defined = 0;
    for (size_t m = 0; m < moment_names_.size(); ++m) {
      const std::string name = parameters_[i].name + "." + moment_names_[m];
      restored[m][i] = at::Tensor();
      const auto it = found.find(name);
      if (it == found.end()) continue;
      at::Tensor fresh = new_moment(m, i);
      if (it->second.sizes() != fresh.sizes() || it->second.scalar_type() != fresh.scalar_type()) {
        throw Error(name, "has another shape or dtype than the model's parameter", fix);
      }
      restored[m][i] = fresh.copy_(it->second);
      found.erase(it);
      ++defined;
    }
    if (defined != 0 && defined != moment_names_.size()) {
      throw Error(parameters_[i].name, "has only a part of its optimiser state", fix);
    }
  }
  if (!found.empty()) throw Error(found.begin()->first, "belongs to no parameter of this optimiser", fix);
  if (!state.scalars.contains("learning_rate") || !state.scalars["learning_rate"].is_number()) {
    throw Error("learning_rate", "is missing from the optimiser's state", fix);
  }
  set_learning_rate(state.scalars["learning_rate"].get<double>());
  moments_ = std::move(restored);
}

at::Tensor clip_grad_norm(const std::vector<Named>& parameters, double max_norm) {
  const at::NoGradGuard no_grad;
  const auto gradients = gradients_of(parameters);
  if (gradients.empty()) return at::zeros({});
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
  at::_foreach_mul_(gradients, norm.add(1e-6).reciprocal().mul(max_norm).clamp_max(1));
  return norm;
}

void clip_grad_value(const std::vector<Named>& parameters, double most) {
  const at::NoGradGuard no_grad;
  for (const auto& gradient : gradients_of(parameters)) gradient.clamp_(-most, most);
}

}  // namespace plexiform::training

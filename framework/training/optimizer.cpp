#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <training/optimizer.h>

#include <cmath>
#include <map>
#include <set>

namespace plexiform::training {

Optimizer::Optimizer(std::vector<Named> parameters, double learning_rate, std::vector<std::string> moments)
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
}

void Optimizer::zero_grad() {
  for (const auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
}

void Optimizer::set_learning_rate(double rate) {
  if (!std::isfinite(rate) || rate < 0)
    throw Error("lr", "is " + std::to_string(rate), "use a finite number, at least 0");
  learning_rate_ = rate;
}

Optimizer::Active Optimizer::active() const {
  Active active;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].tensor;
    at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.strides() != parameter.strides()) gradient = at::empty_like(parameter).copy_(gradient);
    active.indices.push_back(i);
    active.parameters.push_back(parameter);
    active.gradients.push_back(std::move(gradient));
  }
  return active;
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

namespace {

class AdamW final : public Optimizer {
 public:
  AdamW(std::vector<Named> parameters, const AdamWParams& params)
      : Optimizer(std::move(parameters), params.lr,
                  params.amsgrad ? std::vector<std::string>{"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
                                 : std::vector<std::string>{"step", "exp_avg", "exp_avg_sq"}),
        params_(params) {}

  void step() override {
    const at::NoGradGuard no_grad;
    const Active now = active();
    if (now.indices.empty()) return;
    const auto steps = moments(0, now.indices);
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(now.parameters, now.gradients, moments(1, now.indices), moments(2, now.indices),
                      params_.amsgrad ? moments(3, now.indices) : std::vector<at::Tensor>(), steps, learning_rate(),
                      params_.betas[0], params_.betas[1], params_.weight_decay, params_.eps, params_.amsgrad,
                      params_.maximize);
  }

 private:
  const AdamWParams params_;
};

class Sgd final : public Optimizer {
 public:
  Sgd(std::vector<Named> parameters, const SgdParams& params)
      : Optimizer(std::move(parameters), params.lr,
                  params.momentum != 0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{}),
        params_(params) {}

  void step() override {
    const at::NoGradGuard no_grad;
    const Active now = active();
    if (params_.momentum == 0) return update(now, false);
    Active first, later;  // a first gradient enters the momentum undampened
    for (size_t i = 0; i < now.indices.size(); ++i) {
      Active& part = has_moment(0, now.indices[i]) ? later : first;
      part.indices.push_back(now.indices[i]);
      part.parameters.push_back(now.parameters[i]);
      part.gradients.push_back(now.gradients[i]);
    }
    update(first, true);
    update(later, false);
  }

 private:
  void update(const Active& part, bool is_first) {
    if (part.indices.empty()) return;
    const auto momenta = params_.momentum != 0 ? moments(0, part.indices) : std::vector<at::Tensor>();
    at::_fused_sgd_(part.parameters, part.gradients, momenta, params_.weight_decay, params_.momentum, learning_rate(),
                    params_.dampening, params_.nesterov, params_.maximize, is_first);
  }

  const SgdParams params_;
};

template <class T, class Params>
std::unique_ptr<Optimizer> make(const Json& knobs, std::vector<Named> parameters) {
  Params params;
  read_params(params, knobs);
  return std::make_unique<T>(std::move(parameters), params);
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const std::string& target, const Json& knobs, std::vector<Named> parameters) {
  using Make = std::unique_ptr<Optimizer> (*)(const Json&, std::vector<Named>);
  static const std::pair<std::string, Make> known[] = {{"torch.optim.AdamW", make<AdamW, AdamWParams>},
                                                       {"torch.optim.SGD", make<Sgd, SgdParams>}};
  std::vector<std::string> names;
  for (const auto& [name, make] : known) {
    if (name == target) return make(knobs, std::move(parameters));
    names.push_back(name);
  }
  throw Error("_target_", "no optimiser is called '" + target + "'", did_you_mean(target, names));
}

at::Tensor clip_grad_norm(const std::vector<Named>& parameters, double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  if (gradients.empty()) return at::zeros({});
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
  at::_foreach_mul_(gradients, norm.add(1e-6).reciprocal().mul(max_norm).clamp_max(1));
  return norm;
}

}  // namespace plexiform::training

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <training/optimizer.h>
#include <training/optimizers.h>

namespace plexiform::training {
namespace {

using Names = std::vector<std::string>;
using Tensors = std::vector<at::Tensor>;

using AdamKernel = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                            at::TensorList, double, double, double, double, double, bool, bool,
                            const std::optional<at::Tensor>&, const std::optional<at::Tensor>&);

// Adam and AdamW: the kernel is all that differs.
template <AdamKernel kernel>
class Adam final : public Optimizer {
 public:
  Adam(std::vector<Named> parameters, const AdamParams& params)
      : Optimizer(std::move(parameters), params.lr, params.weight_decay, params.groups,
                  params.amsgrad ? Names{"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
                                 : Names{"step", "exp_avg", "exp_avg_sq"}),
        params_(params) {}

  std::optional<double> momentum() const override { return params_.betas[0]; }
  void set_momentum(double beta) override { params_.betas[0] = beta; }

  void step(const Evaluate&) override {
    const at::NoGradGuard no_grad;
    for (const Active& group : active()) {
      const auto steps = moments(0, group.indices);
      at::_foreach_add_(steps, 1);
      kernel(group.parameters, group.gradients, moments(1, group.indices), moments(2, group.indices),
             params_.amsgrad ? moments(3, group.indices) : Tensors(), steps, group.learning_rate, params_.betas[0],
             params_.betas[1], group.weight_decay, params_.eps, params_.amsgrad, params_.maximize, {}, {});
    }
  }

 private:
  AdamParams params_;
};

class Sgd final : public Optimizer {
 public:
  Sgd(std::vector<Named> parameters, const SgdParams& params)
      : Optimizer(std::move(parameters), params.lr, params.weight_decay, params.groups,
                  params.momentum != 0 ? Names{"momentum_buffer"} : Names{}),
        params_(params),
        has_momentum_(params.momentum != 0) {}

  std::optional<double> momentum() const override {
    return has_momentum_ ? std::optional(params_.momentum) : std::nullopt;
  }
  void set_momentum(double momentum) override { params_.momentum = momentum; }

  void step(const Evaluate&) override {
    const at::NoGradGuard no_grad;
    for (const Active& group : active()) {
      if (!has_momentum_) {
        update(group, false);
        continue;
      }
      Active first{group.learning_rate, group.weight_decay, {}, {}, {}}, later = first;
      for (size_t i = 0; i < group.indices.size(); ++i) {  // a first gradient enters the momentum undampened
        Active& part = has_moment(0, group.indices[i]) ? later : first;
        part.indices.push_back(group.indices[i]);
        part.parameters.push_back(group.parameters[i]);
        part.gradients.push_back(group.gradients[i]);
      }
      update(first, true);
      update(later, false);
    }
  }

 private:
  void update(const Active& part, bool is_first) {
    if (part.indices.empty()) return;
    const auto momenta = has_momentum_ ? moments(0, part.indices) : Tensors();
    at::_fused_sgd_(part.parameters, part.gradients, momenta, part.weight_decay, params_.momentum, part.learning_rate,
                    params_.dampening, params_.nesterov, params_.maximize, is_first);
  }

  SgdParams params_;
  const bool has_momentum_;
};

//   square = alpha square + (1 - alpha) g^2      mean = alpha mean + (1 - alpha) g    (centered)
//   step = g / (sqrt(square - mean^2) + eps)     momentum: buffer = momentum buffer + step, and that is the step
class Rmsprop final : public Optimizer {
 public:
  Rmsprop(std::vector<Named> parameters, const RmspropParams& params)
      : Optimizer(std::move(parameters), params.lr, params.weight_decay, params.groups, names(params)),
        params_(params),
        has_momentum_(params.momentum != 0) {}

  std::optional<double> momentum() const override {
    return has_momentum_ ? std::optional(params_.momentum) : std::nullopt;
  }
  void set_momentum(double momentum) override { params_.momentum = momentum; }

  void step(const Evaluate&) override {
    const at::NoGradGuard no_grad;
    for (const Active& group : active()) {
      Tensors gradients = group.gradients;
      if (params_.maximize) gradients = at::_foreach_neg(gradients);
      if (group.weight_decay != 0) gradients = at::_foreach_add(gradients, group.parameters, group.weight_decay);
      const auto square = moments(0, group.indices);
      at::_foreach_mul_(square, params_.alpha);
      at::_foreach_addcmul_(square, gradients, gradients, 1 - params_.alpha);
      Tensors root;
      if (params_.centered) {
        const auto mean = moments(1, group.indices);
        at::_foreach_lerp_(mean, gradients, 1 - params_.alpha);
        root = at::_foreach_addcmul(square, mean, mean, -1);
        at::_foreach_sqrt_(root);
      } else {
        root = at::_foreach_sqrt(square);
      }
      at::_foreach_add_(root, params_.eps);
      if (!has_momentum_) {
        at::_foreach_addcdiv_(group.parameters, gradients, root, -group.learning_rate);
        continue;
      }
      const auto buffer = moments(params_.centered ? 2 : 1, group.indices);
      at::_foreach_mul_(buffer, params_.momentum);
      at::_foreach_addcdiv_(buffer, gradients, root, 1);
      at::_foreach_add_(group.parameters, buffer, -group.learning_rate);
    }
  }

 private:
  static Names names(const RmspropParams& params) {
    Names names = {"square_avg"};
    if (params.centered) names.push_back("grad_avg");
    if (params.momentum != 0) names.push_back("momentum_buffer");
    return names;
  }

  RmspropParams params_;
  const bool has_momentum_;
};

class Adagrad final : public Optimizer {
 public:
  Adagrad(std::vector<Named> parameters, const AdagradParams& params)
      : Optimizer(std::move(parameters), params.lr, params.weight_decay, params.groups, {"step", "sum"}),
        params_(params) {}

  void step(const Evaluate&) override {
    const at::NoGradGuard no_grad;
    for (const Active& group : active()) {
      for (const size_t i : group.indices) {
        if (!has_moment(1, i)) moments(1, {i})[0].fill_(params_.initial_accumulator_value);
      }
      const auto steps = moments(0, group.indices);
      at::_foreach_add_(steps, 1);
      at::_fused_adagrad_(group.parameters, group.gradients, moments(1, group.indices), steps, group.learning_rate,
                          params_.lr_decay, group.weight_decay, params_.eps, params_.maximize);
    }
  }

 private:
  const AdagradParams params_;
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
  static const std::pair<std::string, Make> known[] = {
      {"torch.optim.AdamW", make<Adam<at::_fused_adamw_>, AdamWParams>},
      {"torch.optim.Adam", make<Adam<at::_fused_adam_>, AdamParams>},
      {"torch.optim.SGD", make<Sgd, SgdParams>},
      {"torch.optim.RMSprop", make<Rmsprop, RmspropParams>},
      {"torch.optim.Adagrad", make<Adagrad, AdagradParams>},
      {"torch.optim.LBFGS", make_lbfgs}};
  std::vector<std::string> names;
  for (const auto& [name, make] : known) {
    if (name == target) return make(knobs, std::move(parameters));
    names.push_back(name);
  }
  throw Error("_target_", "no optimiser is called '" + target + "'", did_you_mean(target, names));
}

}  // namespace plexiform::training

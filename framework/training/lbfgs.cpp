// LibTorch's LBFGS as an Optimizer: what it keeps between steps goes into a checkpoint.
#include <ATen/ops/stack.h>
#include <torch/optim/lbfgs.h>
#include <training/optimizer.h>
#include <training/optimizers.h>

namespace plexiform::training {
namespace {

using State = torch::optim::LBFGSParamState;

std::vector<at::Tensor> tensors(const std::vector<Named>& parameters) {
  std::vector<at::Tensor> all;
  for (const auto& parameter : parameters) all.push_back(parameter.tensor);
  return all;
}

torch::optim::LBFGSOptions options(const LbfgsParams& params) {
  return torch::optim::LBFGSOptions(params.lr)
      .max_iter(params.max_iter)
      .max_eval(params.max_eval.value_or(params.max_iter * 5 / 4))
      .tolerance_grad(params.tolerance_grad)
      .tolerance_change(params.tolerance_change)
      .history_size(params.history_size)
      .line_search_fn(params.line_search_fn);
}

class Lbfgs final : public Optimizer {
 public:
  Lbfgs(std::vector<Named> parameters, const LbfgsParams& params)
      : Optimizer(std::move(parameters), params.lr, 0, nullptr, {}),
        lbfgs_(tensors(this->parameters()), options(params)) {}

  void step(const Evaluate& evaluate) override {
    static_cast<torch::optim::LBFGSOptions&>(lbfgs_.param_groups()[0].options()).lr(learning_rate());
    const at::AutoGradMode with_grad(true);
    lbfgs_.step([&] { return at::scalar_tensor(evaluate(), at::kDouble); });
  }

  bool evaluates() const override { return true; }

  OptimizerState state() const override {
    OptimizerState all = Optimizer::state();
    const auto found = lbfgs_.state().find(key());
    if (found == lbfgs_.state().end()) return all;
    const auto& own = static_cast<const State&>(*found->second);
    all.scalars["func_evals"] = own.func_evals();
    all.scalars["n_iter"] = own.n_iter();
    all.scalars["t"] = own.t();
    all.scalars["prev_loss"] = own.prev_loss();
    auto add = [&](const char* name, const at::Tensor& tensor) {
      if (tensor.defined()) all.tensors.push_back({name, tensor});
    };
    add("d", own.d());
    add("H_diag", own.H_diag());
    add("prev_flat_grad", own.prev_flat_grad());
    auto add_all = [&](const char* name, const std::deque<at::Tensor>& list) {
      if (!list.empty()) add(name, at::stack(std::vector<at::Tensor>(list.begin(), list.end())));
    };
    add_all("old_dirs", own.old_dirs());
    add_all("old_stps", own.old_stps());
    add_all("ro", own.ro());
    return all;
  }

  void restore(const OptimizerState& state) override {
    Optimizer::restore({{}, state.scalars});
    lbfgs_.state().clear();
    if (!state.scalars.contains("n_iter")) return;
    auto own = std::make_unique<State>();
    own->func_evals(state.scalars.at("func_evals"));
    own->n_iter(state.scalars.at("n_iter"));
    own->t(state.scalars.at("t"));
    own->prev_loss(state.scalars.at("prev_loss"));
    const auto device = parameters()[0].tensor.device();
    auto one = [&](const std::string& name) {
      for (const auto& saved : state.tensors)
        if (saved.name == name) return saved.tensor.to(device, /*non_blocking=*/false, /*copy=*/true);
      return at::Tensor();
    };
    auto list = [&](const std::string& name) {
      const at::Tensor all = one(name);
      const auto rows = all.defined() ? all.unbind(0) : std::vector<at::Tensor>();
      return std::deque<at::Tensor>(rows.begin(), rows.end());
    };
    own->d(one("d"));
    own->H_diag(one("H_diag"));
    own->prev_flat_grad(one("prev_flat_grad"));
    own->old_dirs(list("old_dirs"));
    own->old_stps(list("old_stps"));
    own->ro(list("ro"));
    lbfgs_.state()[key()] = std::move(own);
  }

 private:
  void* key() const { return parameters()[0].tensor.unsafeGetTensorImpl(); }  // LibTorch's, for the whole state

  torch::optim::LBFGS lbfgs_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lbfgs(const Json& knobs, std::vector<Named> parameters) {
  LbfgsParams params;
  read_params(params, knobs);
  return std::make_unique<Lbfgs>(std::move(parameters), params);
}

}  // namespace plexiform::training

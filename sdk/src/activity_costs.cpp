#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <plexiform/layers/activity_costs.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "cost_kernels.h"
#include "float_on_cpu.h"
#include "gradient_by_operators.h"
#include "parallel.h"

namespace plexiform::layers {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_shapes(const at::Tensor& prediction, const at::Tensor& target) {
  TORCH_CHECK_VALUE(prediction.dim() == 3 && prediction.sizes() == target.sizes(), "a prediction of shape ",
                    prediction.sizes(), " and a target of ", target.sizes());
}

bool kernels_fit(const at::Tensor& prediction, const at::Tensor& target) {
  return float_on_cpu(prediction) && float_on_cpu(target) && prediction.numel() > 0 &&
         !(at::GradMode::is_enabled() && target.requires_grad());
}

// Both as B runs of T N numbers: `target` is often the end of a longer recording.
struct Runs {
  Runs(const at::Tensor& prediction, const at::Tensor& recorded)
      : p(prediction.contiguous()),
        t(recorded.stride(2) == 1 && recorded.stride(1) == recorded.size(2) ? recorded : recorded.contiguous()),
        count(p.size(0)),
        length(p.size(1) * p.size(2)) {}

  const float* predicted(int64_t run) const { return p.const_data_ptr<float>() + run * length; }
  const float* target(int64_t run) const { return t.const_data_ptr<float>() + run * t.stride(0); }

  // visit(unit, run, first number, how many) of pieces of the runs.
  static constexpr int64_t piece = 1 << 14;
  int64_t pieces() const { return (length + piece - 1) / piece; }
  template <class Visit>
  void each(Visit&& visit) const {
    const int64_t of_run = pieces();
    over_units(count * of_run, p.numel(), [&](int64_t unit) {
      const int64_t first = unit % of_run * piece;
      visit(unit, unit / of_run, first, std::min(piece, length - first));
    });
  }

  const at::Tensor p, t;
  const int64_t count, length;
};

at::Tensor poisson_forward(const at::Tensor& prediction, const at::Tensor& target, double eps) {
  const Runs runs(prediction, target);
  std::vector<double> sums(static_cast<size_t>(runs.count * runs.pieces()));
  runs.each([&](int64_t unit, int64_t run, int64_t first, int64_t n) {
    sums[static_cast<size_t>(unit)] = cost_kernels::kernels().poisson(
        runs.predicted(run) + first, runs.target(run) + first, n, static_cast<float>(eps));
  });
  double all = 0;
  for (const double sum : sums) all += sum;
  return at::scalar_tensor(all, prediction.options().requires_grad(false));
}

struct PoissonSum : torch::autograd::Function<PoissonSum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& prediction, const at::Tensor& target,
                            double eps) {
    context->save_for_backward({prediction, target});
    context->saved_data["eps"] = eps;
    return poisson_forward(prediction, target, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const double eps = context->saved_data["eps"].toDouble();
    if (at::GradMode::is_enabled())  // create_graph
      return gradient_by_operators(context, {saved[0]}, poisson_sum_by_operators(saved[0], saved[1], eps), gradients[0],
                                   3);
    const Runs runs(saved[0], saved[1]);
    const auto of_prediction = at::empty_like(runs.p);
    auto* const to = of_prediction.mutable_data_ptr<float>();
    const auto scale = gradients[0].item<float>();
    runs.each([&](int64_t, int64_t run, int64_t first, int64_t n) {
      cost_kernels::kernels().poisson_gradient(runs.predicted(run) + first, runs.target(run) + first,
                                               to + run * runs.length + first, n, static_cast<float>(eps), scale);
    });
    return {of_prediction, {}, {}};
  }
};

}  // namespace

at::Tensor poisson_sum_by_operators(const at::Tensor& prediction, const at::Tensor& target, double eps) {
  return (prediction - target * (prediction + eps).log()).sum();
}

at::Tensor poisson_sum(const at::Tensor& prediction, const at::Tensor& target, double eps) {
  check_shapes(prediction, target);
  if (!kernels_fit(prediction, target)) return poisson_sum_by_operators(prediction, target, eps);
  if (at::GradMode::is_enabled() && prediction.requires_grad()) return PoissonSum::apply(prediction, target, eps);
  return poisson_forward(prediction, target, eps);
}

at::Tensor correlation_over_bins_by_operators(const at::Tensor& prediction, const at::Tensor& target, double eps) {
  auto centred = [](const at::Tensor& x) { return x - x.mean(1, /*keepdim=*/true); };
  const auto a = centred(prediction), b = centred(target);
  return (a * b).mean(1) / ((a.square().mean(1) + eps) * (b.square().mean(1) + eps)).sqrt();
}

at::Tensor correlation_over_bins(const at::Tensor& prediction, const at::Tensor& target, double eps) {
  check_shapes(prediction, target);
  const bool graph = at::GradMode::is_enabled() && prediction.requires_grad();
  if (graph || !kernels_fit(prediction, target)) return correlation_over_bins_by_operators(prediction, target, eps);
  const Runs runs(prediction, target);
  const int64_t bins = prediction.size(1), neurons = prediction.size(2);
  constexpr int64_t together = 64;  // whole cache lines of several vectors
  const int64_t groups = (neurons + together - 1) / together;
  const auto rho = at::empty({runs.count, neurons}, prediction.options().requires_grad(false));
  auto* const to = rho.mutable_data_ptr<float>();
  over_units(runs.count * groups, prediction.numel(), [&](int64_t unit) {
    const int64_t run = unit / groups, first = unit % groups * together;
    cost_kernels::kernels().correlation(runs.predicted(run) + first, runs.target(run) + first,
                                        to + run * neurons + first, bins, neurons, std::min(together, neurons - first),
                                        static_cast<float>(eps));
  });
  return rho;
}

}  // namespace plexiform::layers

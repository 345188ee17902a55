#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <plexiform/layers/batch_norm.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "float_on_cpu.h"
#include "gradient_by_operators.h"
#include "normalise.h"
#include "parallel.h"
#include "ranks.h"

namespace plexiform::layers {

namespace {

using normalise::Gradient, normalise::Moments, normalise::Sums;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// (B, C, T, H, W) as B C runs of numbers, each of one channel.
struct Maps {
  explicit Maps(const at::Tensor& x)
      : channels(x.size(1)), runs(x.size(0) * channels), length(x.size(2) * x.size(3) * x.size(4)) {}

  // visit(first number, channel) of each run, in parallel.
  template <class Visit>
  void each(Visit&& visit) const {
    in_parallel(runs, [&](int64_t k) { visit(k * length, k % channels); });
  }
  // What visit() returns for the runs of each channel, added in their order: the same bits for any number of threads.
  template <class Sum, class Visit>
  std::vector<Sum> added(Visit&& visit) const {
    std::vector<Sum> of_runs(static_cast<size_t>(runs)), all(static_cast<size_t>(channels));
    each([&](int64_t at, int64_t c) { of_runs[static_cast<size_t>(at / length)] = visit(at, c); });
    for (size_t k = 0; k < of_runs.size(); ++k) all[k % all.size()] += of_runs[k];
    return all;
  }

  const int64_t channels, runs, length;
};

at::Tensor by_operators(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& offset, const at::Tensor& mean,
                        const at::Tensor& variance, bool training, double momentum, double eps) {
  return at::elu(at::batch_norm(x, scale, offset, mean, variance, training, momentum, eps, /*cudnn_enabled=*/true));
}

// Nobody else can see what is written to it.
bool alone(const at::Tensor& x) { return x.use_count() == 1 && x.storage().use_count() == 1; }

// y, which may be x, and (2, C) mean, 1 / sqrt(variance + eps) into `statistics`, and of how many numbers a channel they are
// into `count`; moves the running ones.
void pass_forward(const at::Tensor& x, const at::Tensor& y, const BatchNorm& norm, at::Tensor& statistics,
                  int64_t& count) {
  const Maps maps(x);
  const auto& kernels = normalise::kernels();
  const float* const from = x.const_data_ptr<float>();
  statistics = at::empty({2, maps.channels}, x.options().requires_grad(false));
  auto* const mean = statistics.mutable_data_ptr<float>();
  auto* const inverse = mean + maps.channels;
  auto* const running_mean = norm.running_mean.mutable_data_ptr<float>();
  auto* const running_variance = norm.running_variance.mutable_data_ptr<float>();
  if (norm.training) {
    const auto batch =
        over_ranks(maps.added<Moments>([&](int64_t at, int64_t) { return kernels.moments(from + at, maps.length); }));
    for (int64_t c = 0; c < maps.channels; ++c) {
      const auto& [middle, deviations, all] = batch[static_cast<size_t>(c)];
      const auto n = static_cast<double>(count = all);
      mean[c] = static_cast<float>(middle);
      inverse[c] = static_cast<float>(1 / std::sqrt(deviations / n + norm.eps));
      auto move = [&](float& running, double now) {
        running = static_cast<float>((1 - norm.momentum) * static_cast<double>(running) + norm.momentum * now);
      };
      move(running_mean[c], middle);
      move(running_variance[c], deviations / (n - 1));
    }
  } else {
    for (int64_t c = 0; c < maps.channels; ++c) {
      mean[c] = running_mean[c];
      inverse[c] = static_cast<float>(1 / std::sqrt(static_cast<double>(running_variance[c]) + norm.eps));
    }
  }
  float* const to = y.mutable_data_ptr<float>();
  const float *const scales = norm.scale.const_data_ptr<float>(), *const offsets = norm.offset.const_data_ptr<float>();
  maps.each([&](int64_t at, int64_t c) {
    kernels.activate(from + at, to + at, maps.length, {scales[c] * inverse[c], mean[c], offsets[c]});
  });
}

struct BatchNormElu : torch::autograd::Function<BatchNormElu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const at::Tensor& offset, const BatchNorm* norm) {
    at::Tensor statistics;
    int64_t count = 0;
    const auto y = at::empty_like(x);
    pass_forward(x, y, *norm, statistics, count);
    context->save_for_backward({x, y, scale, offset, statistics, norm->training ? at::Tensor() : norm->running_mean,
                                norm->training ? at::Tensor() : norm->running_variance});
    context->saved_data["training"] = norm->training;
    context->saved_data["eps"] = norm->eps;
    context->saved_data["count"] = count;
    return y;
  }

  // By reference: who holds the gradient is counted.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &y = saved[1], &scale = saved[2], &offset = saved[3], &statistics = saved[4];
    const bool training = context->saved_data["training"].toBool();
    variable_list result(4);
    if (at::GradMode::is_enabled()) {  // create_graph
      const auto again =
          by_operators(x, scale, offset, saved[5], saved[6], training, 0, context->saved_data["eps"].toDouble());
      return gradient_by_operators(context, {x, scale, offset}, again, gradients[0], 4);
    }
    const Maps maps(x);
    const auto& kernels = normalise::kernels();
    // Where nobody else holds dy, dx takes its place: a map less in memory, and on its way there.
    const bool own = alone(gradients[0]) || !gradients[0].is_contiguous();
    const auto dy = gradients[0].contiguous();
    const float *const in = x.const_data_ptr<float>(), *const out = y.const_data_ptr<float>();
    const float* const of_out = dy.const_data_ptr<float>();
    const float *const mean = statistics.const_data_ptr<float>(), *const inverse = mean + maps.channels;
    auto sums = maps.added<Sums>(
        [&](int64_t at, int64_t c) { return kernels.sums(in + at, out + at, of_out + at, maps.length, mean[c]); });
    result[1] = at::empty_like(scale), result[2] = at::empty_like(offset);
    auto* const of_scale = result[1].mutable_data_ptr<float>();
    auto* const of_offset = result[2].mutable_data_ptr<float>();
    for (int64_t c = 0; c < maps.channels; ++c) {
      const auto& all = sums[static_cast<size_t>(c)];
      of_scale[c] = static_cast<float>(all.dz_x * static_cast<double>(inverse[c]));
      of_offset[c] = static_cast<float>(all.dz);
    }
    if (!context->needs_input_grad(0)) return result;
    result[0] = own ? dy : at::empty_like(x);
    auto* const of_in = result[0].mutable_data_ptr<float>();
    const float* const scales = scale.const_data_ptr<float>();
    const auto n = static_cast<double>(context->saved_data["count"].toInt());
    if (training) sums = over_ranks(std::move(sums));
    maps.each([&](int64_t at, int64_t c) {
      const auto& all = sums[static_cast<size_t>(c)];
      const auto slope = static_cast<double>(scales[c] * inverse[c]);
      Gradient how = {.a = static_cast<float>(slope), .mean = mean[c]};
      if (training) {  // mean and variance depend on x too
        how.b = static_cast<float>(-slope * static_cast<double>(inverse[c] * inverse[c]) * all.dz_x / n);
        how.c = static_cast<float>(-slope * all.dz / n);
      }
      kernels.gradient(in + at, out + at, of_out + at, of_in + at, maps.length, how);
    });
    return result;
  }
};

bool fused_fits(const at::Tensor& x, const BatchNorm& norm) {
  auto plain = [](const at::Tensor& t) { return t.defined() && float_on_cpu(t) && t.is_contiguous(); };
  return x.dim() == 5 && plain(x) && plain(norm.scale) && plain(norm.offset) && plain(norm.running_mean) &&
         plain(norm.running_variance) && x.numel() > 0 &&
         (!norm.training || x.size(0) * x.size(2) * x.size(3) * x.size(4) > 1);  // of one number LibTorch refuses
}

}  // namespace

at::Tensor batch_norm_elu_by_operators(const at::Tensor& x, const BatchNorm& norm) {
  return by_operators(x, norm.scale, norm.offset, norm.running_mean, norm.running_variance, norm.training,
                      norm.momentum, norm.eps);
}

at::Tensor batch_norm_elu(at::Tensor x, const BatchNorm& norm) {
  if (!fused_fits(x, norm)) return batch_norm_elu_by_operators(x, norm);
  const bool graph = x.requires_grad() || norm.scale.requires_grad() || norm.offset.requires_grad();
  if (graph && at::GradMode::is_enabled()) return BatchNormElu::apply(x, norm.scale, norm.offset, &norm);
  at::Tensor statistics;
  int64_t count = 0;
  const auto y = alone(x) && !x.requires_grad() ? x : at::empty_like(x);
  pass_forward(x, y, norm, statistics, count);
  return y;
}

}  // namespace plexiform::layers

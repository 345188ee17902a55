#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linspace.h>
#include <plexiform/layers/gaussian_windows.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "float_on_cpu.h"
#include "gradient_by_operators.h"
#include "parallel.h"

namespace plexiform::layers {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr float least_variance = 1e-8f, most_log_variance = 20;

// Pixels of an axis; the longer one's go from -1 to 1.
at::Tensor pixels(int64_t size, int64_t height, int64_t width, const at::TensorOptions& options) {
  const double end = static_cast<double>(size) / static_cast<double>(std::max(height, width));
  return at::linspace(-end, end, size, options.requires_grad(false));
}

// The windows one after the other.
class Windows {
 public:
  Windows(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height, int64_t width, double farthest)
      : H(height),
        W(width),
        N(log_variances.size(0)),
        farthest_(static_cast<float>(farthest)),
        rows_(pixels(H, H, W, centres.options())),
        columns_(pixels(W, H, W, centres.options())),
        centres_(centres.const_data_ptr<float>()),
        log_variances_(log_variances.const_data_ptr<float>()) {}

  void forward(float* out) const {
    over_units(N, N * H * W, [&](int64_t n) {
      const Window w(*this, n);
      float* const own = out + n * H * W;
      double total = 0;
      for (int64_t i = 0; i < H; ++i) {
        for (int64_t j = 0; j < W; ++j) total += own[i * W + j] = w.density(i, j);
      }
      for (int64_t q = 0; q < H * W; ++q) own[q] = static_cast<float>(own[q] / total);
    });
  }

  // From the windows and their gradient: with K = sum window d(window), that of -d / 2 is window (d(window) - K).
  void backward(const float* windows, const float* gradient, float* of_centres, float* of_log_variances) const {
    over_units(N, N * H * W, [&](int64_t n) {
      const Window w(*this, n);
      const float *const own = windows + n * H * W, *const dy = gradient + n * H * W;
      double sum = 0;
      for (int64_t q = 0; q < H * W; ++q) sum += own[q] * dy[q];
      const auto k = static_cast<float>(sum);
      std::vector<double> of_rows(static_cast<size_t>(H)), of_columns(static_cast<size_t>(W));  // of d, in parts
      for (int64_t i = 0; i < H; ++i) {
        double of_row = 0;
        for (int64_t j = 0; j < W; ++j) {
          const float here = w.beyond(i, j) ? 0 : -0.5f * own[i * W + j] * (dy[i * W + j] - k);
          of_row += here;
          of_columns[static_cast<size_t>(j)] += here;
        }
        of_rows[static_cast<size_t>(i)] = of_row;
      }
      double of_variance = 0;
      auto along = [&](const std::vector<double>& of_distance, const at::Tensor& at, float centre) {
        const float* const place = at.const_data_ptr<float>();
        double of_centre = 0;
        for (size_t q = 0; q < of_distance.size(); ++q) {
          const double off = place[q] - centre;
          of_centre -= 2 * of_distance[q] * off / w.variance;
          of_variance -= of_distance[q] * off * off / (w.variance * w.variance);
        }
        return static_cast<float>(of_centre);
      };
      of_centres[2 * n] = along(of_rows, rows_, centres_[2 * n]);
      of_centres[2 * n + 1] = along(of_columns, columns_, centres_[2 * n + 1]);
      const bool within = std::abs(log_variances_[n]) <= most_log_variance;
      of_log_variances[n] = within ? static_cast<float>(of_variance * std::exp(log_variances_[n])) : 0;
    });
  }

 private:
  struct Window {
    Window(const Windows& all, int64_t n)
        : variance(std::exp(std::clamp(all.log_variances_[n], -most_log_variance, most_log_variance)) + least_variance),
          farthest(all.farthest_) {
      const float nearest = profile(all.rows_, all.centres_[2 * n], row_distances, row_profile) +
                            profile(all.columns_, all.centres_[2 * n + 1], column_distances, column_profile);
      least = std::exp(-0.5f * (farthest - std::min(nearest, farthest)));
    }
    bool beyond(int64_t i, int64_t j) const {
      return row_distances[static_cast<size_t>(i)] + column_distances[static_cast<size_t>(j)] > farthest;
    }
    float density(int64_t i, int64_t j) const {
      return beyond(i, j) ? least : row_profile[static_cast<size_t>(i)] * column_profile[static_cast<size_t>(j)];
    }

    const float variance, farthest;
    float least = 0;  // density of what lies beyond
    std::vector<float> row_distances, column_distances, row_profile, column_profile;

   private:
    // Relative to the nearest pixel, so that some density is left however far it is; returns its distance.
    float profile(const at::Tensor& at, float centre, std::vector<float>& distances,
                  std::vector<float>& profile) const {
      const auto size = static_cast<size_t>(at.numel());
      distances.resize(size), profile.resize(size);
      for (size_t q = 0; q < size; ++q) {
        const float off = at.const_data_ptr<float>()[q] - centre;
        distances[q] = off * off / variance;
      }
      const float nearest = *std::min_element(distances.begin(), distances.end());
      for (size_t q = 0; q < size; ++q) profile[q] = std::exp(-0.5f * (distances[q] - nearest));
      return nearest;
    }
  };

  const int64_t H, W, N;
  const float farthest_;
  const at::Tensor rows_, columns_;
  const float *const centres_, *const log_variances_;
};

constexpr double endless = std::numeric_limits<double>::infinity();

std::optional<double> finite(double farthest) { return std::isinf(farthest) ? std::nullopt : std::optional(farthest); }

struct GaussianWindows : torch::autograd::Function<GaussianWindows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& centres, const at::Tensor& log_variances,
                            int64_t height, int64_t width, double farthest) {
    auto y = at::empty({log_variances.size(0), height, width}, centres.options().requires_grad(false));
    Windows(centres, log_variances, height, width, farthest).forward(y.mutable_data_ptr<float>());
    context->save_for_backward({centres, log_variances, y});
    context->saved_data["farthest"] = farthest;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &centres = saved[0], &log_variances = saved[1], &y = saved[2];
    const double farthest = context->saved_data["farthest"].toDouble();
    if (at::GradMode::is_enabled()) {  // create_graph
      const auto again = gaussian_windows_by_operators(centres, log_variances, y.size(1), y.size(2), finite(farthest));
      return gradient_by_operators(context, {centres, log_variances}, again, gradients[0], 5);
    }
    variable_list result(5);
    result[0] = at::empty_like(centres), result[1] = at::empty_like(log_variances);
    Windows(centres, log_variances, y.size(1), y.size(2), farthest)
        .backward(y.const_data_ptr<float>(), gradients[0].contiguous().const_data_ptr<float>(),
                  result[0].mutable_data_ptr<float>(), result[1].mutable_data_ptr<float>());
    return result;
  }
};

void check_shapes(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height, int64_t width) {
  TORCH_CHECK_VALUE(centres.dim() == 2 && centres.size(1) == 2 && log_variances.dim() == 1 &&
                        log_variances.size(0) == centres.size(0) && height > 0 && width > 0,
                    "centres of shape ", centres.sizes(), " and variances of ", log_variances.sizes(), " for maps of ",
                    height, " x ", width);
}

}  // namespace

at::Tensor gaussian_windows_by_operators(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height,
                                         int64_t width, std::optional<double> farthest) {
  check_shapes(centres, log_variances, height, width);
  const auto variance =
      log_variances.clamp(-most_log_variance, most_log_variance).exp().unsqueeze(1) + double{least_variance};
  auto distance = [&](int64_t axis, int64_t size) {  // (N, size)
    return (pixels(size, height, width, centres.options()) - centres.slice(1, axis, axis + 1)).square() / variance;
  };
  const auto rows = distance(0, height), columns = distance(1, width);
  if (!farthest) return (-0.5 * rows).softmax(1).unsqueeze(2) * (-0.5 * columns).softmax(1).unsqueeze(1);
  const auto distances = (rows.unsqueeze(2) + columns.unsqueeze(1)).clamp_max(*farthest);
  const auto density = (-0.5 * (distances - distances.detach().amin({1, 2}, /*keepdim=*/true))).exp();
  return density / density.sum({1, 2}, /*keepdim=*/true);
}

at::Tensor gaussian_windows(const at::Tensor& centres, const at::Tensor& log_variances, int64_t height, int64_t width,
                            std::optional<double> farthest) {
  check_shapes(centres, log_variances, height, width);
  if (!float_on_cpu(centres) || !float_on_cpu(log_variances) || log_variances.numel() == 0)
    return gaussian_windows_by_operators(centres, log_variances, height, width, farthest);
  return GaussianWindows::apply(centres.contiguous(), log_variances.contiguous(), height, width,
                                farthest.value_or(endless));
}

}  // namespace plexiform::layers

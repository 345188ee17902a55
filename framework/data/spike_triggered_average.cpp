#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <data/spike_triggered_average.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace plexiform::data {

namespace {

using Parameters = std::array<double, 6>;  // cx, cy, sx, sy, theta, amplitude

Gaussian2d gaussian(const Parameters& p) { return {p[0], p[1], p[2], p[3], p[4], p[5]}; }

struct Offsets {
  at::Tensor dx, dy;  // (1, W), (H, 1) float64
};
Offsets offsets(const Gaussian2d& g, int64_t height, int64_t width) {
  return {(at::arange(width, at::kDouble) - g.cx).unsqueeze(0), (at::arange(height, at::kDouble) - g.cy).unsqueeze(1)};
}

// a, b, c of the exponent, or their derivatives.
struct Form {
  double a, b, c;
  at::Tensor of(const Offsets& d) const { return a * d.dx.square() + 2 * b * d.dx * d.dy + c * d.dy.square(); }
};
Form form(const Gaussian2d& g) {
  const double u = 1 / (2 * g.sx * g.sx), v = 1 / (2 * g.sy * g.sy), cos = std::cos(g.theta), sin = std::sin(g.theta);
  return {cos * cos * u + sin * sin * v, sin * cos * (u - v), sin * sin * u + cos * cos * v};
}

// The model and its derivatives by the six parameters: (H W), (H W, 6).
std::pair<at::Tensor, at::Tensor> linearised(const Gaussian2d& g, int64_t height, int64_t width) {
  const auto d = offsets(g, height, width);
  const Form f = form(g);
  const double cos = std::cos(g.theta), sin = std::sin(g.theta), u = std::pow(g.sx, -3), v = std::pow(g.sy, -3);
  const double difference = 1 / (2 * g.sx * g.sx) - 1 / (2 * g.sy * g.sy);
  const Form by_sx = {-cos * cos * u, -sin * cos * u, -sin * sin * u},
             by_sy = {-sin * sin * v, sin * cos * v, -cos * cos * v};
  const Form by_theta = {-2 * sin * cos * difference, (cos * cos - sin * sin) * difference, 2 * sin * cos * difference};
  const at::Tensor bell = (-f.of(d)).exp(), y = g.amplitude * bell;
  const at::Tensor by[] = {y * 2 * (f.a * d.dx + f.b * d.dy),
                           y * 2 * (f.b * d.dx + f.c * d.dy),
                           -y * by_sx.of(d),
                           -y * by_sy.of(d),
                           -y * by_theta.of(d),
                           bell};
  return {y.flatten(), at::stack(by, -1).flatten(0, 1)};
}

// Where a fit starts: at the largest |value|, as wide as high.
Gaussian2d start_of(const at::Tensor& frame) {
  const int64_t H = frame.size(0), W = frame.size(1), brightest = frame.abs().argmax().item<int64_t>();
  const double size = static_cast<double>(std::min(H, W)) / 6;
  return {double(brightest % W), double(brightest / W), size, size, 0, frame.flatten()[brightest].item<double>()};
}

}  // namespace

at::Tensor Gaussian2d::values(int64_t height, int64_t width) const {
  return amplitude * (-form(*this).of(offsets(*this, height, width))).exp();
}

at::Tensor Gaussian2d::inside(int64_t height, int64_t width, double n) const {
  const auto d = offsets(*this, height, width);
  const double cos = std::cos(theta), sin = std::sin(theta);
  return ((cos * d.dx + sin * d.dy) / sx).square() + ((cos * d.dy - sin * d.dx) / sy).square() <= n * n;
}

// Levenberg-Marquardt (Marquardt 1963, J SIAM 11:431-441) within bounds: a parameter at its bound that wants out is held
// there for the step. The damping follows how well the last step was foreseen (Nielsen 1999, IMM-REP-1999-05, eq. 2.4).
std::optional<Gaussian2d> fit_gaussian(const at::Tensor& given) {
  const at::Tensor frame = given.to(at::kDouble).contiguous(), target = frame.flatten();
  const int64_t H = frame.size(0), W = frame.size(1);
  const double wide = static_cast<double>(W), high = static_cast<double>(H);
  const Parameters low = {0, 0, 0.5, 0.5, -INFINITY, -INFINITY},
                   top = {wide - 1, high - 1, wide, high, INFINITY, INFINITY};
  const Gaussian2d start = start_of(frame);
  if (start.sx < low[2]) return {};
  Parameters p = {start.cx, start.cy, start.sx, start.sy, start.theta, start.amplitude};
  auto cost_of = [&](const Parameters& at) {
    return (gaussian(at).values(H, W).flatten() - target).square().sum().item<double>();
  };
  double cost = cost_of(p), damping = 1e-3;
  for (int round = 0; round < 1000; ++round) {
    const auto [y, jacobian] = linearised(gaussian(p), H, W);
    const auto slope = jacobian.t().matmul(y - target);  // (6), of cost / 2
    const auto curvature = jacobian.t().matmul(jacobian);
    for (int64_t i = 0; i < 6; ++i) {
      const double wants = -slope[i].item<double>();
      if ((p[i] > low[i] || wants >= 0) && (p[i] < top[i] || wants <= 0)) continue;
      slope[i] = 0;
      curvature[i] = 0;
      curvature.select(1, i).zero_();
    }
    const auto scale = curvature.diagonal().clamp_min(1e-12 * curvature.abs().max().item<double>() + 1e-300);
    for (bool better = false; !better;) {
      if (damping > 1e12) return gaussian(p);  // no step of any length is better: a minimum
      const auto wanted = at::linalg_solve(curvature + (damping * scale).diag(), -slope);
      Parameters next = p;
      auto step = at::zeros({6}, at::kDouble);
      for (int64_t i = 0; i < 6; ++i) {
        next[i] = std::clamp(p[i] + wanted[i].item<double>(), low[i], top[i]);
        step[i] = next[i] - p[i];
      }
      const double there = cost_of(next),
                   foreseen = -(2 * step.dot(slope) + step.dot(curvature.matmul(step))).item<double>();
      better = there < cost;
      if (!better) {
        damping *= 4;
        continue;
      }
      const double ratio = foreseen > 0 ? (cost - there) / foreseen : 0;
      damping = std::max(1e-12, damping * std::max(1.0 / 3, 1 - std::pow(2 * ratio - 1, 3)));
      const bool converged = cost - there <= 1e-14 * cost;
      p = next;
      cost = there;
      if (converged) return gaussian(p);
    }
  }
  return {};
}

StaFilters sta_filters(const at::Tensor& given, std::optional<int64_t> last_bins, double sigma_contour) {
  const at::Tensor sta = given.to(at::kDouble);
  const int64_t F = sta.size(0), H = sta.size(1), W = sta.size(2), K = std::min(F, last_bins.value_or(F));
  if (!sta.isfinite().all().item<bool>()) return {at::zeros({H, W}), at::zeros({K}), double(W) / 2, double(H) / 2};
  const at::Tensor frame = sta[sta.flatten(1).var(1).argmax().item<int64_t>()];
  Gaussian2d fit = fit_gaussian(frame).value_or(start_of(frame));
  fit.amplitude = std::abs(fit.amplitude);
  auto normalised = [](const at::Tensor& x) {
    const double norm = x.norm().item<double>();
    return (norm > 0 ? x / norm : x).to(at::kFloat);
  };
  const auto nearest = [](double at, int64_t size) {
    return std::clamp<int64_t>(std::lrint(at), 0, size - 1);  // halves to even
  };
  const at::Tensor at_centre = sta.select(2, nearest(fit.cx, W)).select(1, nearest(fit.cy, H));
  return {normalised(fit.values(H, W) * fit.inside(H, W, sigma_contour)), normalised(at_centre.slice(0, F - K)), fit.cx,
          fit.cy};
}

at::Tensor read_sta(const std::string& file, bool flip, int64_t height, int64_t width) {
  at::Tensor sta = read_npy(file);
  if (sta.dim() != 3 || sta.size(0) < 1 || sta.size(1) < height || sta.size(2) < width) {
    throw Error(file, fmt::format("is of ({}), not of (bins, rows, columns)", fmt::join(sta.sizes(), ", ")),
                fmt::format("give an average of at least {} x {} px, the size of the movie", height, width));
  }
  if (flip) sta = sta.flip(2);
  return sta.narrow(1, (sta.size(1) - height) / 2, height).narrow(2, (sta.size(2) - width) / 2, width);
}

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Zeros outside `size` px around `centre`, which move inwards at an edge.
void keep_around(at::Tensor& filter, int64_t axis, double centre, int64_t size) {
  const int64_t length = filter.size(axis);
  const int64_t end = std::min(length, std::max<int64_t>(0, static_cast<int64_t>(centre) - size / 2) + size);
  const int64_t start = std::max<int64_t>(0, end - size);
  filter.slice(axis, 0, start).zero_();
  filter.slice(axis, end).zero_();
}

}  // namespace

void add_sta_filters(Recordings& recordings, const StaFilterParams& params) {
  if (params.crop && params.crop->size() != 2) {
    throw Error("crop", fmt::format("has {} numbers", params.crop->size()), "write [rows, columns]");
  }
  for (auto& session : recordings.sessions) {
    const auto cells = session.info.find("cell_indices");
    std::vector<at::Tensor> spatial, temporal;
    for (int64_t n = 0; n < session.neurons; ++n) {
      const int64_t cell = cells == session.info.end() ? n : cells->second[n].item<int64_t>();
      const std::string name = replaced(replaced(params.pattern, "{retina_index}", session.name), "{cell_index}",
                                        std::to_string(cell)),
                        file = params.folder + "/" + name;
      auto filters = sta_filters(read_sta(file, params.flip, recordings.height, recordings.width), params.last_bins,
                                 params.sigma_contour);
      if (params.crop) {
        keep_around(filters.spatial, 0, filters.center_y, params.crop->at(0));
        keep_around(filters.spatial, 1, filters.center_x, params.crop->at(1));
      }
      if (!temporal.empty() && temporal[0].numel() != filters.temporal.numel()) {
        throw Error(file, fmt::format("has {} bins, those before it {}", filters.temporal.numel(), temporal[0].numel()),
                    "set sta_filters.last_bins to what all have");
      }
      spatial.push_back(filters.spatial);
      temporal.push_back(filters.temporal);
    }
    session.info["spatial_filters"] = at::stack(spatial);
    session.info["temporal_filters"] = at::stack(temporal);
  }
}

}  // namespace plexiform::data

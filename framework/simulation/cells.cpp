#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/poisson.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <simulation/cells.h>
#include <simulation/movies.h>

#include <algorithm>
#include <array>
#include <numbers>

namespace plexiform::simulation {
namespace {

struct CellType {
  const char* name;
  double polarity;           // 1 ON, -1 OFF
  double center;             // standard deviation, px
  double surround;           // standard deviation over that of the center
  double surround_strength;  // volume over that of the center
  double peak, undershoot;   // ms
  double undershoot_strength;
};
constexpr std::array<CellType, 6> cell_types = {{{"ON transient", 1, 1.6, 2.0, 0.85, 80, 140, 0.7},
                                                 {"OFF transient", -1, 1.6, 2.0, 0.85, 70, 125, 0.7},
                                                 {"ON sustained", 1, 1.0, 2.5, 0.7, 95, 170, 0.4},
                                                 {"OFF sustained", -1, 1.0, 2.5, 0.7, 90, 160, 0.4},
                                                 {"ON slow", 1, 1.9, 1.8, 0.6, 120, 200, 0.5},
                                                 {"OFF slow", -1, 1.9, 1.8, 0.6, 115, 190, 0.5}}};
constexpr double margin = 4;                             // px between a center and the border
constexpr double size_spread = 0.1, time_spread = 0.08;  // cells of a type differ by this part
constexpr double weakest_drive = 1.6, strongest_drive = 2.4;
constexpr double lowest_gain_hz = 10, highest_gain_hz = 16;
constexpr double lowest_threshold = 0.4, highest_threshold = 1.2;

at::Tensor uniform(double from, double to, int64_t count, at::Generator& random) {
  return from + (to - from) * at::rand({count}, random, at::kDouble);
}

// A property of each cell's type: (N).
at::Tensor per_cell(const at::Tensor& type, double CellType::*property) {
  std::vector<double> values;
  for (const auto& t : cell_types) values.push_back(t.*property);
  return at::tensor(values, at::kDouble).index_select(0, type);
}

// (N), (N, 2) -> (N, H, W), of volume 1 where the screen does not cut it.
at::Tensor gaussians(const at::Tensor& sigma, const at::Tensor& centers) {
  const auto variance = sigma.square().view({-1, 1, 1});
  const auto y = at::arange(screen_height, at::kDouble).view({1, -1, 1});
  const auto x = at::arange(screen_width, at::kDouble).view({1, 1, -1});
  const auto dy = y - centers.select(1, 0).view({-1, 1, 1});
  const auto dx = x - centers.select(1, 1).view({-1, 1, 1});
  return (-(dy.square() + dx.square()) / (2 * variance)).exp() / (2 * std::numbers::pi * variance);
}

// A low-pass cascade, 1 at its peak (ms): (N) -> (N, L).
at::Tensor cascades(const at::Tensor& peak) {
  constexpr double order = 5;
  const auto t = at::arange(lags, at::kDouble) * (1000 / frame_rate_hz) / peak.unsqueeze(1);
  return t.pow(order) * (-order * (t - 1)).exp();
}

// Each filter's sum of squares becomes 1.
at::Tensor unit_norm(const at::Tensor& filters) {
  const auto flat = filters.flatten(1);
  return (flat / flat.norm(2, {1}, /*keepdim=*/true)).view_as(filters);
}

}  // namespace

const std::vector<std::string>& cell_type_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& type : cell_types) all.push_back(type.name);
    return all;
  }();
  return names;
}

Cells draw_cells(int64_t count, at::Generator random) {
  Cells cells;
  cells.type = at::arange(count, at::kLong).remainder(static_cast<int64_t>(cell_types.size()));
  const auto of = [&](double CellType::*property) { return per_cell(cells.type, property); };

  cells.centers = at::stack({uniform(margin, screen_height - 1 - margin, count, random),
                             uniform(margin, screen_width - 1 - margin, count, random)},
                            1);
  const auto center = of(&CellType::center) * uniform(1 - size_spread, 1 + size_spread, count, random);
  const auto surround = gaussians(center * of(&CellType::surround), cells.centers);
  cells.spatial =
      unit_norm(gaussians(center, cells.centers) - of(&CellType::surround_strength).view({-1, 1, 1}) * surround);

  const auto slowness = uniform(1 - time_spread, 1 + time_spread, count, random);
  const auto undershoot =
      of(&CellType::undershoot_strength).unsqueeze(1) * cascades(of(&CellType::undershoot) * slowness);
  const auto strength = of(&CellType::polarity) * uniform(weakest_drive, strongest_drive, count, random);
  cells.temporal = strength.unsqueeze(1) * unit_norm(cascades(of(&CellType::peak) * slowness) - undershoot);

  cells.gain = uniform(lowest_gain_hz, highest_gain_hz, count, random) / frame_rate_hz;
  cells.threshold = uniform(lowest_threshold, highest_threshold, count, random);
  return cells;
}

at::Tensor spike_rates(const Cells& cells, const at::Tensor& movie) {
  const auto frames = contrast(movie).flatten(1);                      // (T, H W)
  const auto seen = at::matmul(cells.spatial.flatten(1), frames.t());  // (N, T)
  const int64_t T = seen.size(1);
  auto drive = at::zeros_like(seen);
  for (int64_t lag = 0; lag < std::min(T, lags); ++lag) {
    drive.slice(1, lag).add_(cells.temporal.slice(1, lag, lag + 1) * seen.slice(1, 0, T - lag));
  }
  return cells.gain.unsqueeze(1) * at::softplus(drive - cells.threshold.unsqueeze(1));
}

at::Tensor draw_spikes(const at::Tensor& rates, int64_t repeats, at::Generator random) {
  const auto repeated = rates.unsqueeze(0).expand({repeats, -1, -1}).contiguous();
  return at::poisson(repeated, random).clamp_max(255).to(at::kByte);
}

at::Tensor noise_ceiling(const at::Tensor& rates, int64_t repeats) {
  const auto signal = rates.var(at::IntArrayRef{1}, /*unbiased=*/false);
  const auto noise = rates.mean(1) / static_cast<double>(repeats);
  return (signal / (signal + noise)).sqrt().nan_to_num(0);  // 0 / 0 for a cell that is silent
}

}  // namespace plexiform::simulation

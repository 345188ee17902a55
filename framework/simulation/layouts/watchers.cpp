#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>
#include <simulation/layouts/watchers.h>
#include <simulation/movies.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace plexiform::simulation {
namespace {

constexpr int64_t block = 2048;                                                    // frames at a time
constexpr std::array<float, 6> temporal = {0.1f, 0.6f, 1.0f, 0.3f, -0.4f, -0.3f};  // from the same frame on

}  // namespace

at::Generator layout_stream(int64_t seed, int64_t number) {
  return at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed * 2003 + number));
}

Watchers::Watchers(int64_t neurons, int64_t height, int64_t width, at::Generator random)
    : height_(height), width_(width) {
  const auto row = at::arange(height, at::kFloat).view({1, -1, 1}),
             column = at::arange(width, at::kFloat).view({1, 1, -1});
  const auto y = at::rand({neurons, 1, 1}, random).mul(height - 1),
             x = at::rand({neurons, 1, 1}, random).mul(width - 1);
  const double sigma = static_cast<double>(std::max(height, width)) / 12 + 0.5;
  auto bump = (((row - y).square() + (column - x).square()) / (-2 * sigma * sigma)).exp().flatten(1);
  bump = bump / bump.norm(2, {1}, true);
  spatial_ = bump * at::randint(0, 2, {neurons, 1}, random).mul(2).sub(1).to(at::kFloat);
}

at::Tensor Watchers::rates(const at::Tensor& movie, bool lags) const {
  const int64_t frames = movie.size(0);
  at::Tensor seen = at::empty({spatial_.size(0), frames}, at::kFloat);
  double sum = 0, squares = 0;
  for (int64_t from = 0; from < frames; from += block) {
    const auto part = movie.slice(0, from, std::min(from + block, frames)).flatten(1).to(at::kFloat);
    sum += part.sum(at::kDouble).item<double>();
    squares += part.square().sum(at::kDouble).item<double>();
    seen.slice(1, from, from + part.size(0)).copy_(at::matmul(spatial_, part.t()));
  }
  const double count = static_cast<double>(movie.numel()), mean = sum / count;
  const double std = std::sqrt(std::max(1e-12, squares / count - mean * mean));
  seen = (seen - spatial_.sum(1, true) * mean) / std;
  seen = seen / (seen.std(1, false, true) + 1e-6);  // cells differ in what they look at, not in how much they fire
  if (!lags) return at::softplus(seen * 2 - 1) / 2;
  at::Tensor drive = at::zeros({spatial_.size(0), frames});
  for (int64_t lag = 0; lag < std::min<int64_t>(frames, temporal.size()); ++lag) {
    drive.slice(1, lag).add_(seen.slice(1, 0, frames - lag), temporal[lag]);
  }
  return at::softplus(drive * 2 - 1) / 2;
}

at::Tensor still_images(int64_t count, int64_t height, int64_t width, at::Generator random) {
  std::vector<at::Tensor> images;
  for (int64_t i = 0; i < count; ++i) images.push_back(moving_texture(1, height, width, random).squeeze(0));
  return at::cat(images);
}

at::Tensor gaze(int64_t frames, int64_t range, at::Generator random) {
  const auto steps = at::randint(-1, 2, {frames, 2}, random);
  auto path = steps.cumsum(0);
  // Folded back at the borders: a triangle wave of the walk.
  const int64_t period = 4 * std::max<int64_t>(range, 1);
  path = (path + range).remainder(period);
  return at::where(path > 2 * range, period - path, path) - range;
}

}  // namespace plexiform::simulation

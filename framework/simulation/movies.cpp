#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <simulation/movies.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace plexiform::simulation {
namespace {

constexpr int64_t scene_frames = 120;
constexpr int64_t waves = 64;                               // of a texture
constexpr double shortest_wave = 4, longest_wave = 32;      // px
constexpr double texture_contrast = 0.3;                    // standard deviation
constexpr double slowest_drift = 0.1, fastest_drift = 0.5;  // px per frame
constexpr double step = 0.25;                               // standard deviation, px per frame

at::Tensor uniform(double from, double to, int64_t count, at::Generator& random) {
  return from + (to - from) * at::rand({count}, random, at::kDouble);
}

// Where the texture is in each frame: (T, 2) row, column in px.
at::Tensor path(int64_t frames, at::Generator& random) {
  const auto direction = uniform(0, 2 * std::numbers::pi, 1, random);
  const auto speed = uniform(slowest_drift, fastest_drift, 1, random);
  const auto drift = speed * at::stack({direction.sin(), direction.cos()}, 1);
  return (drift + step * at::randn({frames, 2}, random, at::kDouble)).cumsum(0);
}

// (K, 2) radians per px along rows and columns. Evenly over the octaves: with equal amplitudes,
// that is a power of 1/f^2 per unit of two-dimensional frequency.
at::Tensor frequencies(at::Generator& random) {
  const auto octave = uniform(std::log(shortest_wave), std::log(longest_wave), waves, random);
  const auto direction = uniform(0, 2 * std::numbers::pi, waves, random);
  return 2 * std::numbers::pi / octave.exp().unsqueeze(1) * at::stack({direction.sin(), direction.cos()}, 1);
}

// A sum of K plane waves at row y and column x, displaced by p(t), which need not be whole pixels:
//   c(t, y, x) = a sum_k cos(w_k y + s_k),   s_k = w_k x + phase_k - w_k p(t)
//              = a sum_k cos(w_k y) cos(s_k) - sin(w_k y) sin(s_k): angles of rows and of columns, never of all pixels
// Returns (T, H, W).
at::Tensor scene(int64_t frames, int64_t height, int64_t width, at::Generator& random) {
  const auto frequency = frequencies(random);
  const auto phase = uniform(0, 2 * std::numbers::pi, waves, random);
  const auto displaced = at::matmul(path(frames, random), frequency.t());                                      // (T, K)
  const auto rows = at::arange(height, at::kDouble).unsqueeze(1) * frequency.select(1, 0);                     // (H, K)
  const auto columns = (frequency.select(1, 1).unsqueeze(1) * at::arange(width, at::kDouble)) +                // (K, W)
                       (phase - displaced).unsqueeze(2);                                                       // (T, K, W)
  const auto sum = at::matmul(at::cat({rows.cos(), -rows.sin()}, 1), at::cat({columns.cos(), columns.sin()}, 1));
  return texture_contrast * std::sqrt(2.0 / waves) * sum;
}

}  // namespace

at::Tensor white_noise(int64_t frames, int64_t height, int64_t width, at::Generator random) {
  return at::randint(0, 2, {1, frames, height, width}, random, at::kByte) * 255;
}

at::Tensor moving_texture(int64_t frames, int64_t height, int64_t width, at::Generator random) {
  std::vector<at::Tensor> scenes;  // in bytes: of a long movie, eight for each pixel do not fit into memory
  for (int64_t begin = 0; begin < frames; begin += scene_frames) {
    const auto shown = scene(std::min(scene_frames, frames - begin), height, width, random);
    scenes.push_back(((shown + 1) * 127.5).round().clamp(0, 255).to(at::kByte));
  }
  return at::cat(scenes).unsqueeze(0);
}

at::Tensor contrast(const at::Tensor& movie) { return movie.squeeze(0).to(at::kDouble) / 127.5 - 1; }

}  // namespace plexiform::simulation

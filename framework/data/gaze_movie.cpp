#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <data/gaze_movie.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace plexiform::data {

GazeMovie::GazeMovie(const at::Tensor& images, int64_t height, int64_t width, bool wrapped)
    : images_(images.contiguous()),
      rows_(triangle(gaze_screen_height, height)),
      columns_(triangle(gaze_screen_width, width)),
      wrapped_(wrapped ? 1 : 0) {}

std::vector<GazeMovie::Taps> GazeMovie::triangle(int64_t from, int64_t to) {
  std::vector<Taps> all;
  const double scale = static_cast<double>(from) / static_cast<double>(to), reach = std::max(scale, 1.0);
  for (int64_t i = 0; i < to; ++i) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const auto first = std::max<int64_t>(static_cast<int64_t>(center - reach + 0.5), 0);
    const auto last = std::min<int64_t>(static_cast<int64_t>(center + reach + 0.5), from);
    Taps taps{first, {}};
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double distance = std::abs(static_cast<double>(j) - center + 0.5) / reach;
      taps.weights.push_back(static_cast<float>(std::max(0.0, 1 - distance)));
      sum += std::max(0.0, 1 - distance);
    }
    for (auto& weight : taps.weights) weight = static_cast<float>(weight / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

// Rows first: a sum of whole rows of the image, then of the columns of that sum.
template <class T>
void GazeMovie::frame(const T* image, int64_t x, int64_t y, float* to) const {
  const int64_t height = images_.size(1), width = images_.size(2);
  const int64_t top = gaze_screen_height / 2 - y, left = gaze_screen_width / 2 - x;  // of the image on the screen
  const int64_t begin = std::clamp<int64_t>(left - wrapped_, 0, gaze_screen_width),
                end = std::clamp<int64_t>(left + width, begin, gaze_screen_width);
  std::array<float, gaze_screen_width> sum = {};
  for (const auto& [first_row, row_weights] : rows_) {
    std::fill(sum.begin() + begin, sum.begin() + end, 0.0f);
    for (size_t j = 0; j < row_weights.size(); ++j) {
      int64_t row = first_row + static_cast<int64_t>(j) - top;
      if (row < -wrapped_ || row >= height) continue;
      if (row < 0) row = height - 1;
      const T* line = image + row * width;
      const float weight = row_weights[j];
      int64_t c = begin;
      if (c < left) sum[c++] += weight * static_cast<float>(line[width - 1]);
      for (; c < end; ++c) sum[c] += weight * static_cast<float>(line[c - left]);
    }
    for (const auto& [first, weights] : columns_) {
      float value = 0;
      for (size_t j = 0; j < weights.size(); ++j) value += weights[j] * sum[first + j];
      *to++ = value;
    }
  }
}

at::Tensor GazeMovie::frames(const at::Tensor& fixations) const {
  const int64_t count = fixations.size(0), height = static_cast<int64_t>(rows_.size()),
                width = static_cast<int64_t>(columns_.size()), pixels = images_.size(1) * images_.size(2);
  at::Tensor movie = at::empty({count, height, width}, at::kFloat);
  float* to = movie.mutable_data_ptr<float>();
  const at::Tensor rows = fixations.contiguous();
  const int64_t* at = rows.const_data_ptr<int64_t>();
  auto draw = [&](const auto* images) {
    at::parallel_for(0, count, 8, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        frame(images + (at[3 * t] - 1) * pixels, at[3 * t + 1], at[3 * t + 2], to + t * height * width);
      }
    });
  };
  if (images_.scalar_type() == at::kByte) {
    draw(images_.const_data_ptr<uint8_t>());
  } else {
    draw(images_.const_data_ptr<float>());
  }
  return movie;
}

}  // namespace plexiform::data

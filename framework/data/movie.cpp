#include <ATen/Parallel.h>
#include <data/movie.h>

#include <algorithm>
#include <cmath>

namespace plexiform::data {
namespace {

constexpr int64_t block_size = 1 << 15;  // stays in the cache between its two passes

template <class T>
Moments block_moments(const T* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<float>(values[i]);
  Moments m{.mean = sum / static_cast<double>(count), .count = count};
  for (int64_t i = 0; i < count; ++i) {
    const double difference = static_cast<float>(values[i]) - m.mean;
    m.deviations += difference * difference;
  }
  return m;
}

// Calls work(values) with the typed pointer of a compact array.
template <class Work>
void with_values(const at::Tensor& array, Work work) {
  switch (array.scalar_type()) {
    case at::kByte:
      return work(array.const_data_ptr<uint8_t>());
    case at::kChar:
      return work(array.const_data_ptr<int8_t>());
    case at::kShort:
      return work(array.const_data_ptr<int16_t>());
    case at::kHalf:
      return work(array.const_data_ptr<at::Half>());
    default:
      return work(array.const_data_ptr<float>());
  }
}

}  // namespace

at::Tensor compact(const at::Tensor& array) {
  switch (array.scalar_type()) {
    case at::kByte:
    case at::kChar:
    case at::kShort:
    case at::kHalf:
    case at::kFloat:
      return array.contiguous();
    case at::kBool:
      return array.to(at::kByte).contiguous();
    default:
      return array.to(at::kFloat).contiguous();
  }
}

Moments& Moments::operator+=(const Moments& other) {
  if (other.count == 0) return *this;
  const double difference = other.mean - mean, total = static_cast<double>(count + other.count);
  const double share = static_cast<double>(other.count) / total;
  deviations += other.deviations + difference * difference * static_cast<double>(count) * share;
  mean += difference * share;
  count += other.count;
  return *this;
}

double Moments::std() const { return count > 1 ? std::sqrt(deviations / static_cast<double>(count - 1)) : 0; }

Moments moments(const at::Tensor& array) {
  const int64_t count = array.numel(), blocks = (count + block_size - 1) / block_size;
  std::vector<Moments> parts(blocks);
  with_values(array, [&](const auto* values) {
    at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        const int64_t begin = b * block_size;
        parts[b] = block_moments(values + begin, std::min(block_size, count - begin));
      }
    });
  });
  Moments all;
  for (const auto& part : parts) all += part;
  return all;
}

std::optional<int64_t> first_bad(const at::Tensor& array, bool negative_is_bad) {
  std::optional<int64_t> found;
  with_values(array, [&](const auto* values) {
    const auto* end = values + array.numel();
    const auto* bad = std::find_if(values, end, [negative_is_bad](auto value) {
      const auto x = static_cast<float>(value);
      return !std::isfinite(x) || (negative_is_bad && x < 0);
    });
    if (bad != end) found = bad - values;
  });
  return found;
}

}  // namespace plexiform::data

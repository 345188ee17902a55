#include <ATen/ops/empty.h>
#include <data/calcium_traces.h>

namespace plexiform::data {

at::Tensor resampled(const at::Tensor& traces, const at::Tensor& times, const std::vector<double>& at) {
  const int64_t neurons = traces.size(0), samples = traces.size(1), wanted = static_cast<int64_t>(at.size());
  at::Tensor result = at::empty({neurons, wanted}, at::kDouble);
  const at::Tensor values = traces.contiguous(), when = times.contiguous();
  for (int64_t n = 0; n < neurons; ++n) {
    const double* value = values.const_data_ptr<double>() + n * samples;
    const double* time = when.const_data_ptr<double>() + n * samples;
    double* to = result.mutable_data_ptr<double>() + n * wanted;
    int64_t after = 0;  // the first sample later than the wanted time
    for (int64_t i = 0; i < wanted; ++i) {
      while (after < samples && time[after] <= at[i]) ++after;
      if (after == 0 || after == samples) {
        to[i] = value[after == 0 ? 0 : samples - 1];
        continue;
      }
      const double slope = (value[after] - value[after - 1]) / (time[after] - time[after - 1]);
      to[i] = slope * (at[i] - time[after - 1]) + value[after - 1];
    }
  }
  return result;
}

std::vector<double> frame_times(const std::vector<double>& triggers, double duration, int64_t frames) {
  std::vector<double> times;
  for (const double trigger : triggers) {
    for (int64_t i = 0; i < frames; ++i) {
      times.push_back(trigger + duration * static_cast<double>(i) / static_cast<double>(frames - 1));
    }
  }
  return times;
}

}  // namespace plexiform::data

#include <data/calcium_traces.h>

namespace plexiform::data {

std::vector<double> resampled(std::span<const double> trace, std::span<const double> times,
                              const std::vector<double>& at) {
  std::vector<double> result;
  result.reserve(at.size());
  size_t after = 0;  // the first sample later than the wanted time
  for (const double time : at) {
    while (after < times.size() && times[after] <= time) ++after;
    if (after == 0 || after == times.size()) {
      result.push_back(after == 0 ? trace.front() : trace.back());
      continue;
    }
    const double slope = (trace[after] - trace[after - 1]) / (times[after] - times[after - 1]);
    result.push_back(slope * (time - times[after - 1]) + trace[after - 1]);
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

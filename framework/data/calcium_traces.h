// Calcium traces, which an imaging microscope samples at times of its own, at the frames of a stimulus.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace plexiform::data {

// Linear interpolation; before the first and after the last sample the trace is constant.
//   times    of its samples, increasing, in s
//   at       increasing times, in s
std::vector<double> resampled(std::span<const double> trace, std::span<const double> times,
                              const std::vector<double>& at);

// `frames` times from each trigger on, the last one `duration` s after it.
std::vector<double> frame_times(const std::vector<double>& triggers, double duration, int64_t frames);

}  // namespace plexiform::data

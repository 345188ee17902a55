// Calcium traces, which an imaging microscope samples at times of its own, at the frames of a stimulus.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace plexiform::data {

// Linear interpolation; before the first and after the last sample the trace is constant.
//   traces   (N, T) float64
//   times    (N, T) float64, increasing, in s
//   at       M increasing times, in s
//   returns  (N, M) float64
at::Tensor resampled(const at::Tensor& traces, const at::Tensor& times, const std::vector<double>& at);

// `frames` times from each trigger on, the last one `duration` s after it.
std::vector<double> frame_times(const std::vector<double>& triggers, double duration, int64_t frames);

}  // namespace plexiform::data

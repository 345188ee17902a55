// The one rule by which a prediction is compared with a recording: both end at the same bin.
// Notation  B batch, T bins of the recording, T' <= T predicted bins, N neurons.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/error.h>

namespace plexiform {

// The last T' bins of `target`, (B, T', N); a view.
//   prediction  (B, T', N)
//   target      (B, T, N)
// Throws Error when B or N differ, or T < T': a broadcast would hide wrong data.
inline at::Tensor aligned(const at::Tensor& prediction, const at::Tensor& target) {
  auto text = [](const at::Tensor& x) {
    std::string sizes;
    for (const int64_t n : x.sizes()) sizes += (sizes.empty() ? "" : ", ") + std::to_string(n);
    return "(" + sizes + ")";
  };
  const bool fits = prediction.dim() == 3 && target.dim() == 3 && prediction.size(0) == target.size(0) &&
                    prediction.size(2) == target.size(2) && prediction.size(1) <= target.size(1);
  if (!fits) {
    throw Error("",
                "a prediction of shape " + text(prediction) + " cannot be compared with a target of " + text(target),
                "give both (batch, time, neurons) with the same batch and neurons, and no more "
                "predicted bins than recorded");
  }
  return target.slice(1, target.size(1) - prediction.size(1));
}

}  // namespace plexiform

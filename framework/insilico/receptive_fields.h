// Receptive fields of a model, found in the model itself: how a neuron's predicted response changes
// with each pixel of the bins before it. For a linear model that is its filter; for others, its mean
// over the stimuli that it was asked at.
// Notation  B windows, C channels, T bins of a window, T' predicted bins, N neurons, H x W pixels,
//           row 0 on top.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace plexiform::insilico {

// (B, C, T, H, W) -> (B, T', N), differentiable, in evaluation mode.
using Predict = std::function<at::Tensor(const at::Tensor& stimulus)>;

// Gradient of each neuron's response in the last bin with regard to the stimulus, mean over windows.
// Costs one forward pass, which is kept, and N backward passes. Parameters get no gradient.
//   stimuli  (B, C, T, H, W), as the model is trained with (normalised)
//   returns  (N, C, T, H, W) of the same dtype and device; bin T - 1 is that of the response
at::Tensor receptive_fields(const Predict& predict, const at::Tensor& stimuli);

// Where the fields are: the centroid of the strength of the pixels, as far as it exceeds half of the
// strongest one's. Strength: root of the sum of squares over channels and bins.
//   fields   (N, C, T, H, W)
//   returns  (N, 2) row, column in px; (0, 0) is the middle of the first pixel. NaN where a field is
//            zero everywhere.
at::Tensor receptive_field_centers(const at::Tensor& fields);

}  // namespace plexiform::insilico

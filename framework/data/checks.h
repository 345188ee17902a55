// What every reader demands of its arrays, whatever the layout.
//   place   a file, or "file: /data/set"
// Errors  Error(place, what, fix)
#pragma once

#include <ATen/core/Tensor.h>
#include <data/recordings.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

using Sizes = std::vector<int64_t>;

// "(1, 300, 48, 40)"
std::string text(const Sizes& sizes);

// (C, T, H, W), nothing empty.
void check_movie_shape(const std::string& place, const Sizes& shape);

// (N, T), or (R, N, T) of repeats, with the `frames` of the stimulus at `stimulus_place`.
void check_response_shape(const std::string& place, const Sizes& shape, bool repeats, int64_t frames,
                          const std::string& stimulus_place);

// No NaN, no infinity.
void check_movie(const std::string& place, const at::Tensor& movie);

// (N, T) or (R, N, T) float32: no NaN, no infinity, and no negative value unless allowed.
void check_responses(const std::string& place, const at::Tensor& responses, bool allow_negative);

// That (N, T) responses are the mean of (R, N, T) repeats, to a thousandth of the largest: they are
// in one unit, and no axes are swapped.
void check_mean(const std::string& place, const at::Tensor& repeats, const at::Tensor& responses);

// What is allowed but seldom meant, one sentence each: a session without a test, neurons that are silent in all training
// frames, responses beyond 1e6.
std::vector<std::string> doubts(const Recordings& recordings);

// Sets mean and standard deviation of all `stimuli`; what is not given is that of the `training` ones, each counted once.
// The order in which they come decides about the last bit.
void normalise(const std::vector<std::shared_ptr<Stimulus>>& stimuli,
               const std::vector<std::shared_ptr<Stimulus>>& training, std::optional<double> mean,
               std::optional<double> std);

}  // namespace plexiform::data

// A session's training trials cut into clips, and which of them are for validation.
#pragma once

#include <data/batches.h>

#include <string>
#include <vector>

namespace plexiform::data {

// `clip_length` frames, of one trial, or of several where boundaries may be crossed.
using Clip = std::vector<Stretch>;

// All clips, in order. Empty when the trials are too short.
std::vector<Clip> cut(const Session& session, const LoaderParams& params);

// The validation clips among `clips` clips: val_clip_indices as they stand, or num_val_clips in the
// order in which numpy.random.RandomState(seed).choice draws them without replacement. Where clips were shown in an order
// of their own (View::clips), the numbers are those of the stimulus, and positions in the trial are returned.
std::vector<int64_t> choose_validation(const Session& session, int64_t clips, const LoaderParams& params);

// Throws Error("dataloader.<knob>", ...).
[[noreturn]] void refuse_knob(const std::string& knob, const std::string& problem, const std::string& fix);

}  // namespace plexiform::data

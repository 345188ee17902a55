// Values for knobs: guessed for those that are required, drawn at random for the stress check.
#pragma once

#include <plexiform/params.h>

#include <random>

namespace plexiform::conformance {

// The value in effect of a knob (an entry of list_params): given in `knobs`, or its default; null when required.
Json current(const Json& knobs, const Json& knob);

// A small value that the type and range of a required knob allow; none when the type is the author's own.
//   channels  of the stimulus: a list named "channels" begins with it, as the host fills it
std::optional<Json> guess(const Json& knob, int64_t channels);

// `base` with some knobs (entries of list_params) redrawn within their ranges, near the values in effect.
Json draw_setting(const Json& knobs, const Json& base, std::mt19937_64& random);

}  // namespace plexiform::conformance

// What would spoil a training on recordings that can be read: `plexiform data check`. What a reader refuses, NaN and lengths
// that disagree among it, comes as its Error instead.
#pragma once

#include <data/recordings.h>

#include <string>
#include <vector>

namespace plexiform::data {

struct Fault {
  bool spoils = false;  // false: allowed, and seldom meant
  std::string kind;     // dead_neurons, duplicated_frames, rates, ...
  std::string session;  // "": of all
  std::string what, fix;
};

// Of a share of the test frames from this on, duplicates spoil the test. A frame that is the same all over does not count.
inline constexpr double spoiling_share = 0.01;

// The ones that spoil first.
//   dead_neurons       respond alike in all training frames
//   duplicated_frames  of a test are shown in a session's training too
//   rates              of two sessions, which a core would have to share, differ
//   too_short          all training frames are discarded
//   twins              neurons with one response
//   no_test, no_repeats, no_rate, large_responses, silent_in_test
std::vector<Fault> find_faults(const Recordings& recordings);

}  // namespace plexiform::data

// The two stimuli by which retinal cells are told apart, as files: a full-field chirp and moving bars. An array (T, rows,
// columns, colours >= 2) uint8, pickled or .npy; the first two colours are used, and a batch holds (grey - 128) / 128.
//   chirp   one part. Two triggers in a showing, at its beginning and 5 s later
//   bars    3 s of background, eight bars of equal length (0, 180, 45, 225, 90, 270, 135, 315 degrees), 1 s of
//           background; the bars are the parts, each with a trigger
// Source  Baden et al. 2016, Nature 529:345; durations: Hoefling et al. 2024, eLife 13:e86860.
#pragma once

#include <data/recordings.h>

#include <memory>
#include <string>
#include <vector>

namespace plexiform::data {

struct LightStimulus {
  std::vector<std::shared_ptr<const Stimulus>> parts;  // views of one array, of one length
  double duration = 0;                                 // of a part, s from its trigger to its last frame
  int64_t triggers = 1;                                // in a part
};

// rate_hz 30, or 60: every other frame is left out. Throws Error(file, ...).
LightStimulus read_chirp(const std::string& file, int64_t rate_hz);
LightStimulus read_moving_bars(const std::string& file, int64_t rate_hz);

}  // namespace plexiform::data

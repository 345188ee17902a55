// Sessions as the generic layout has them: each an HDF5 group, the root of a file of its own (hdf5_folder.h) or one of many
// in a single file (recordings_file.h). What may be in a session:
//   responses_<name>             (N, T), any numeric dtype, for each stimulus <name> that was shown; the mean where there are
//                                repeats
//   repeats_<name>               (R, N, T); responses_<name> may then be left out
//   stimulus_<name>              (C, T, H, W), this session's own version of the stimulus
//   traces/<name>/<key>          (K, T), what else was measured in each frame of that stimulus: pupil, running
//   session_info/<key>           anything; frame_rate_hz is used
// How it was shown, where it is not as it is stored:
//   clips_<name>                 (n) numbers of the stimulus' clips in the order in which they were shown; its attribute
//                                clip_length says how many frames a clip has
//   cuts_<name>                  (T, 4) for a movie that is cut out of still images: image, row and column of a frame's first
//                                pixel, and 1 where it is upside down. Attributes: height, width, and step, 1 unless every
//                                step-th pixel is kept. The stimulus is the images, (C, images, rows, columns)
// Attributes, of responses_<name>, or of repeats_<name> where there are no responses; all may be left out:
//   split                        test; anything else is trained on
//   stimulus                     which shared stimulus was shown, if not the one called <name>
//   mirrored                     1: with left and right exchanged
//   stimulus_mean, stimulus_std  the model is given (pixel - mean) / std; for all stimuli of a session, or for none
//   smoothed                     1: the responses are more than a mean of the repeats
//   units                        a text
// Attributes of the session: discard_frames, of every trial, at its start; allow_negative, 1: responses below zero are meant.
// Trials are in the order of their names.
#pragma once

#include <data/array_files.h>
#include <data/recordings.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

// A stimulus that sessions share.
struct StoredMovie {
  std::string place;                          // the .npy file, or "file: /data/set"
  std::shared_ptr<const Hdf5File> file = {};  // null: `place` is a .npy file
  std::string data_set = {};

  std::vector<int64_t> shape() const;
  at::Tensor read() const;  // larger than half of the memory: mapped
};

struct SessionGroup {
  std::string name;
  std::shared_ptr<const Hdf5File> file;
  std::string group = {};  // "": the whole file

  std::string path(const std::string& data_set) const { return group.empty() ? data_set : group + "/" + data_set; }
  std::string place(const std::string& data_set = "") const;
};

struct SessionKnobs {
  std::optional<std::vector<std::string>> test_names;  // nothing: as `split` says
  std::optional<std::vector<int64_t>> stimulus_size;   // [channels, height, width] to insist on
  std::optional<double> norm_mean, norm_std;  // nothing: as the session says, else those of the training stimuli
  int64_t discard_frames = 0;                 // 0: as the session says
  bool allow_negative = false;                // false: as the session says
};

// stimuli   by name, those that sessions share
// add       what to do about a stimulus of that name that is not there
// Throws Error(knob name, file, or "file: /data/set", what, fix). All shapes are checked before a movie is read.
Recordings read_sessions(const std::vector<SessionGroup>& sessions, const std::map<std::string, StoredMovie>& stimuli,
                         const std::function<std::string(const std::string& name)>& add, const SessionKnobs& knobs);

}  // namespace plexiform::data

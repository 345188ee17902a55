// Recordings in a single HDF5 file, `plexiform.data.RecordingsFile`; README.md in this folder shows one.
//   /                        attributes: format "plexiform.recordings", version 1; and where the recordings are from: source,
//                            layout, settings (the reader's, as JSON), whatever else
//   /stimuli/<name>          (C, T, H, W), one for all sessions that saw it; or a text, the path of a .npy file, from this file
//                            on; HDF5's own links are followed. Attribute frame_rate_hz, optional: has to be the sessions'
//   /sessions/<session>/     as session_groups.h says
// Anything else is left alone, and survives a conversion (convert.h).
#pragma once

#include <data/recordings.h>
#include <data/session_groups.h>
#include <plexiform/params.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

inline constexpr const char* recordings_format = "plexiform.recordings";
inline constexpr int64_t recordings_version = 1;

struct RecordingsFileParams {
  std::string path;
  std::optional<std::vector<std::string>> test_names;
  std::optional<std::vector<int64_t>> stimulus_size;
  std::optional<double> norm_mean, norm_std;
  int64_t discard_frames = 0;
  bool allow_negative = false;
  void describe(auto& knob) {
    knob("path", path, {.doc = "the file", .required = true});
    knob("test_names", test_names, {.doc = "stimuli to test on; null: those that the file calls a test"});
    knob("stimulus_size", stimulus_size,
         {.doc = "[channels, height, width] to insist on; null: those of the first stimulus", .min = 1});
    knob("norm_mean", norm_mean,
         {.doc = "subtracted from stimuli; null: as the file says, else the mean of the training stimuli"});
    knob("norm_std", norm_std,
         {.doc =
              "stimuli are divided by it; null: as the file says, else the standard deviation of the training stimuli",
          .min = 1e-12});
    knob("discard_frames", discard_frames,
         {.doc = "at the start of every trial, neither trained on nor scored; 0: as the file says",
          .unit = "frames",
          .min = 0});
    knob("allow_negative", allow_negative, {.doc = "accept responses below zero, also where the file does not"});
  }
};

// Whether it is an HDF5 file whose root says that it has this format.
bool is_recordings_file(const std::string& file);

// What lies in it. Throws Error where it is of another format or a later version.
struct RecordingsFile {
  std::shared_ptr<const Hdf5File> file;
  std::map<std::string, StoredMovie> stimuli;
  std::vector<SessionGroup> sessions;  // sorted
};
RecordingsFile open_recordings_file(const std::string& file);

// Throws Error(knob name, file, or "file: /data/set", what, fix).
Recordings read_recordings_file(const RecordingsFileParams& params);

}  // namespace plexiform::data

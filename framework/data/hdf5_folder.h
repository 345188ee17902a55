// The generic layout of a recording, `plexiform.data.Hdf5Folder`:
//   <path>/stimuli/<name>.npy      (C, T, H, W), one copy in memory for all sessions that saw it; mapped from the file where
//                                  it is larger than half of the memory
//   <path>/<session>.h5, .hdf5     one recording: responses_<name> (N, T), repeats_<name> (R, N, T) and what else a session may
//                                  have (session_groups.h)
// Stimuli are taken in the order of their names: those of `test_names` are tests, the others are
// trained on. One without responses is not read. All shapes are checked before a movie is read.
#pragma once

#include <data/recordings.h>
#include <data/session_groups.h>
#include <plexiform/params.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

struct Hdf5FolderParams {
  std::string path;
  std::vector<std::string> test_names;
  std::optional<std::vector<int64_t>> stimulus_size;
  std::optional<double> norm_mean, norm_std;
  int64_t discard_frames = 0;
  bool allow_negative = false;
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder with stimuli/ and one HDF5 file per session", .required = true});
    knob("test_names", test_names, {.doc = "stimuli to test on", .required = true});
    knob("stimulus_size", stimulus_size,
         {.doc = "[channels, height, width] to insist on; null: those of the first stimulus", .min = 1});
    knob("norm_mean", norm_mean, {.doc = "subtracted from stimuli; null: the mean of the training stimuli"});
    knob("norm_std", norm_std,
         {.doc = "stimuli are divided by it; null: the standard deviation of the training stimuli", .min = 1e-12});
    knob("discard_frames", discard_frames,
         {.doc = "at the start of every trial, neither trained on nor scored", .unit = "frames", .min = 0});
    knob("allow_negative", allow_negative, {.doc = "accept responses below zero"});
  }
  void check() const {
    if (stimulus_size && stimulus_size->size() != 3) {
      throw Error("stimulus_size", "has " + std::to_string(stimulus_size->size()) + " entries",
                  "use [channels, height, width], or null");
    }
  }
};

// What lies in such a folder: stimuli by name, and sessions, sorted. Throws Error where there are none.
std::map<std::string, StoredMovie> stimuli_of_folder(const std::string& folder);
std::vector<SessionGroup> sessions_of_folder(const std::string& folder);

// Throws Error(knob name, file, or "file: /data/set", what, fix).
Recordings read_hdf5_folder(const Hdf5FolderParams& params);

}  // namespace plexiform::data

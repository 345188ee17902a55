// Recordings of the Sensorium competitions (mouse visual cortex), `plexiform.data.Sensorium`, a folder of .npy files:
//   <path>/<session>/data/videos/<k>.npy       (rows, columns, T), or data/images/<k>.npy (C, rows, columns): T is 1
//                    data/responses/<k>.npy    (N, T), or (N) to an image
//                    data/behavior/<k>.npy, data/pupil_center/<k>.npy    (K, T), or (K): traces of those names
//                    meta/trials/tiers.npy     what each trial k is for: train, oracle, ...
//                    meta/neurons/*.npy        (N, ...) numbers: Session::info
// Trials end at the first frame that is NaN in every file that has NaN: the rest is padding. Movies are mapped. Trials
// of a test tier that show the same movie are its repeats: responses and traces of the test are means over them.
// Sources  Turishcheva et al. 2023, arXiv:2305.19654 (movies); Willeke et al. 2022, arXiv:2206.08666 (images).
#pragma once

#include <data/recordings.h>
#include <plexiform/params.h>

#include <string>
#include <vector>

namespace plexiform::data {

struct SensoriumParams {
  std::string path;
  std::vector<std::string> train_tiers = {"train"}, test_tiers = {"oracle"};
  bool normalize_stimuli = true, normalize_traces = true, normalize_responses = true;
  double frame_rate_hz = 30;
  int64_t discard_frames = 0;
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder with a folder per session, or one such folder", .required = true});
    knob("train_tiers", train_tiers, {.doc = "trials to train on and to set validation clips aside from"});
    knob("test_tiers", test_tiers, {.doc = "trials to test on"});
    knob("normalize_stimuli", normalize_stimuli, {.doc = "to mean 0 and s.d. 1 over each session's training movies"});
    knob("normalize_traces", normalize_traces, {.doc = "each trace to mean 0 and s.d. 1 over the training trials"});
    knob("normalize_responses", normalize_responses, {.doc = "divide by each neuron's s.d. over the training trials"});
    knob("frame_rate_hz", frame_rate_hz, {.doc = "of the movies; 0: unknown", .unit = "Hz", .min = 0});
    knob("discard_frames", discard_frames,
         {.doc = "at the start of every trial, neither trained on nor scored", .unit = "frames", .min = 0});
  }
};

// Throws Error(file or folder, what, fix).
Recordings read_sensorium(const SensoriumParams& params);

}  // namespace plexiform::data

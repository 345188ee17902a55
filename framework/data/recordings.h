// What was shown and what was recorded. Sessions that saw the same movie share one copy of it, in whatever order
// and orientation they saw it; order, mirroring, cropping, normalisation and conversion to float are applied when
// a batch is gathered (batches.h), never stored.
// Notation  C channels, T frames, H x W pixels (row 0 on top), N neurons, R repeats.
#pragma once

#include <ATen/core/Tensor.h>
#include <config/node.h>
#include <plexiform/given.h>
#include <plexiform/shape.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace plexiform::data {

// Where a frame lies in a still image.
struct Cut {
  int32_t image = 0, row = 0, column = 0;  // of the frame's first pixel
  bool upside_down = false;                // the frame's rows run upwards in the image
};

// A movie whose frames are cut out of still images.
struct Cuts {
  std::vector<Cut> frames;
  int64_t height = 0, width = 0;  // of a frame
  int64_t step = 1;               // a frame has every `step`-th row and column of the image
};

struct Stimulus {
  std::string name;
  // (C, T, H, W), as on disk: uint8 stays uint8; float64 is read as float32 (and stays where it is mapped). Any strides.
  // With `cuts`: the images, (C, images, rows, columns).
  at::Tensor movie;
  double mean = 0, std = 1;  // a batch holds (movie - mean) / std
  std::shared_ptr<const Cuts> cuts = {};

  int64_t channels() const { return movie.size(0); }
  int64_t frames() const { return cuts ? static_cast<int64_t>(cuts->frames.size()) : movie.size(1); }
  int64_t height() const { return cuts ? cuts->height : movie.size(2); }
  int64_t width() const { return cuts ? cuts->width : movie.size(3); }
};

// How a presentation differs from the stimulus as it is stored.
struct View {
  std::vector<int64_t> clips;  // the stimulus' clips in the order in which they were shown; empty: all of it, in order
  int64_t clip_length = 0;     // of those clips, frames
  bool mirrored = false;       // left and right exchanged

  int64_t frames(const Stimulus& stimulus) const;
};

// One presentation of a stimulus to one session.
struct Trial {
  std::shared_ptr<const Stimulus> stimulus;
  at::Tensor responses;  // (N, T) float32; for a test the mean over repeats
  at::Tensor repeats;    // (R, N, T) float32, or undefined
  // What else was measured in each frame: pupil, running, ...; (K, T) float32. The same names and K in all trials of a session.
  std::vector<Named> traces = {};
  View view = {};
  int64_t frames() const { return view.frames(*stimulus); }
};

struct Session {
  std::string name;
  std::vector<Trial> train;  // in the order of their stimuli's names
  std::vector<Trial> tests;
  std::map<std::string, at::Tensor> info;  // session_info/*: per-neuron or free
  double frame_rate_hz = 0;                // 0: unknown
  int64_t discard_frames = 0;              // of every trial, at its start: neither trained on nor scored
  int64_t neurons = 0;

  at::Tensor mean_activity() const;  // (N) float32, over all training frames but the discarded ones
};

struct Recordings {
  std::vector<Session> sessions;  // sorted by name
  int64_t channels = 0, height = 0, width = 0;
};

// Reads what the config's `data_io` node (resolved) describes, by its `_target_` names. Everything
// is checked here: missing files and data sets, shapes, dtypes, NaN, lengths of stimulus and
// responses, neurons per session.
Recordings read_recordings(const config::Node& root);

}  // namespace plexiform::data

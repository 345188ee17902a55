// Windows of the recordings, gathered into batches by index.
//   clips     the training trials are cut into clips of `clip_length` frames; some are set aside for validation
//   windows   `train_chunk_size` frames each, at a random shift in every epoch; whole clips for validation and tests
//   sessions  take turns (LongCycler): one batch is of one session
#pragma once

#include <config/node.h>
#include <data/recordings.h>
#include <plexiform/params.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace plexiform::data {

struct Batch {
  size_t session = 0;    // index into Recordings::sessions
  at::Tensor stimulus;   // (B, C, T, H, W) float32, normalised
  at::Tensor responses;  // (B, T, N) float32
};

// A window: frames [begin, begin + length) of a session's trial.
struct Window {
  size_t trial = 0;
  int64_t begin = 0;
};

// A part of a session's data: windows of one length over its trials.
struct Part {
  size_t session = 0;
  std::string name;      // "train", "validation", or the test stimulus' name
  int64_t length = 0;    // frames per window
  bool test = false;     // trials are Session::tests
  std::vector<Window> windows;
};

// Gathers `windows` into one batch. A window may continue into the trial after it only where the part was made so
// (allow_over_boundaries).
Batch gather(const Recordings& recordings, const Part& part, const std::vector<Window>& windows);

struct LoaderParams {
  int64_t batch_size = 32;
  int64_t train_chunk_size = 50;
  int64_t clip_length = 100;
  int64_t num_val_clips = 10;
  std::optional<std::vector<int64_t>> val_clip_indices;
  bool allow_over_boundaries = false;
  void describe(auto& knob) {
    knob("batch_size", batch_size, {.doc = "windows per training step", .min = 1});
    knob("train_chunk_size", train_chunk_size, {.doc = "length of a training window", .unit = "frames", .min = 1});
    knob("clip_length", clip_length, {.doc = "length of the clips that are set aside for validation", .unit = "frames", .min = 1});
    knob("num_val_clips", num_val_clips, {.doc = "clips set aside for validation", .min = 1});
    knob("val_clip_indices", val_clip_indices, {.doc = "which clips to set aside; null: drawn, seed 42", .min = 0});
    knob("allow_over_boundaries", allow_over_boundaries, {.doc = "let windows cross the seams between clips and trials"});
  }
};

// The split of all sessions, by index; nothing is copied.
struct Split {
  std::vector<Part> train;       // one per session; `windows` holds the unshifted starts
  std::vector<Part> validation;  // one per session
  std::vector<Part> tests;       // one per session and test stimulus
};

// Reads the config's `dataloader` node (resolved). `history` is the core's: bins of a window that get no prediction; the
// first predicted bin of a window is never one of the session's discard_frames. Throws Error when a clip is longer than a
// recording, a window longer than a clip, no clip is left to train on, or a session has fewer windows than a batch.
Split split(const Recordings& recordings, const LoaderParams& params, int64_t history);

// Consecutive windows of a part, `batch_size` at a time; the last batch may be smaller.
std::vector<std::vector<Window>> in_order(const Part& part, int64_t batch_size);

// The endless stream of training batches: every session in turn until the longest is through once (long cycler), with new
// shifts, permutations and session order in each epoch. The same seed gives the same batches.
class TrainStream {
 public:
  TrainStream(const Recordings& recordings, const Split& split, const LoaderParams& params, uint64_t seed);
  int64_t steps_per_epoch() const;  // sessions x the largest number of batches of one session
  void start_epoch();
  Batch next();

  // Everything needed to continue at this very batch; restore() takes what state() gave.
  Json state() const;
  void restore(const Json& state);

 private:
  struct State;
  const Recordings& recordings_;
  const Split& split_;
  LoaderParams params_;
  std::shared_ptr<State> state_;
};

}  // namespace plexiform::data

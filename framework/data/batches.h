// Windows of the recordings, gathered into batches by index; nothing is copied before that.
//   clips     training trials are cut into clips; some of them are set aside for validation
//   windows   short runs of frames at random shifts for training, whole clips for validation,
//             whole trials for tests
//   sessions  take turns: a batch is of one session
// Errors      Error("dataloader.<knob>", what, fix) from read_loader and split.
#pragma once

#include <config/node.h>
#include <data/recordings.h>
#include <parallel/share.h>
#include <plexiform/params.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace plexiform::data {

// Frames [begin, begin + length) of a session's trial.
struct Window {
  size_t trial = 0;
  int64_t begin = 0;

  bool operator==(const Window&) const = default;
};

struct Batch {
  size_t session = 0;    // index into Recordings::sessions
  at::Tensor stimulus;   // (B, C, T, H, W) float32, normalised; of fewer rows when it was asked for those alone
  at::Tensor responses;  // (B, T, N) float32
  // Trial::traces of the same frames, (B, T, K) float32.
  std::vector<Named> traces = {};
  std::vector<Window> windows = {};  // what it was gathered from
  int64_t first_shown = 0;           // the row that is row 0 of `stimulus`

  int64_t size() const { return responses.size(0); }
  Batch to(at::Device device) const;  // its tensors there; the same ones if that is where they are
};

// A run of frames of one trial that windows are taken from.
struct Stretch {
  size_t trial = 0;
  int64_t begin = 0, length = 0;
};

// A part of a session's data: windows of one length over its trials.
struct Part {
  size_t session = 0;
  std::string name;    // "train", "validation", or the test stimulus' name
  int64_t length = 0;  // frames per window
  bool test = false;   // trials are Session::tests, otherwise Session::train
  std::vector<Window> windows = {};
  std::vector<Stretch> stretches = {};  // what the windows lie in
  bool across = false;                  // a window that meets the end of its stretch goes on in the next one
  bool fixed = false;                   // training windows are not shifted: their order alone is drawn
};

// The rows of a batch that are gathered with their stimulus: fewer where other processes have the rest, none where the
// features are known or the stimulus is gathered apart; without any, it is undefined.
struct Rows {
  int64_t begin = 0, end = std::numeric_limits<int64_t>::max();

  static Rows of(const parallel::Share& share, int64_t rows) {
    return share.divides(rows) ? Rows{share.begin(rows), share.end(rows)} : Rows{0, rows};
  }
};
constexpr Rows no_rows = {0, 0};

// Gathers `windows` of the part into one batch.
Batch gather(const Recordings& recordings, const Part& part, const std::vector<Window>& windows,
             const Rows& with_stimulus = {});

// Of each of those windows frames [from, to) alone: (B, C, to - from, H, W) float32, normalised.
//   0 <= from <= to <= part.length
at::Tensor gather_stimulus(const Recordings& recordings, const Part& part, std::span<const Window> windows,
                           int64_t from, int64_t to);

// Whole trials set aside for validation; windows begin at multiples of what they predict. As openretina splits the
// recordings of Sridhar et al. 2025.
struct TrialSplit {
  double train_frac = 0.8;
  int64_t seed = 1000;
  bool final_training = false;
  int64_t first = 0;                  // trials before it are not used
  std::optional<int64_t> count = {};  // nor are those after `count`
  // Training and validation trials, instead of drawing them.
  std::optional<std::vector<std::vector<int64_t>>> hard_coded = {};

  struct Trials {
    std::vector<int64_t> train, validation;
  };
  // Of `trials` trials: numpy.random.RandomState(seed).permutation, the first train_frac of it for training; drawn again
  // while trials 0 and 9, or 10 and 19, whose stimuli overlap, are in different parts. Throws Error("dataloader....").
  Trials draw(int64_t trials) const;
};

struct LoaderParams {
  int64_t batch_size = 32;
  int64_t train_chunk_size = 50;
  int64_t clip_length = 100;
  int64_t num_val_clips = 10;
  std::optional<std::vector<int64_t>> val_clip_indices = {};
  int64_t seed = 42;
  bool allow_over_boundaries = false;
  std::optional<TrialSplit> trials = {};  // no knob (trial_loader.h): clip_length and num_val_clips mean nothing then
  void describe(auto& knob) {
    knob("batch_size", batch_size,
         {.doc = "windows per training step; a session that has fewer uses all of them", .min = 1});
    knob("train_chunk_size", train_chunk_size, {.doc = "length of a training window", .unit = "frames", .min = 1});
    knob("clip_length", clip_length,
         {.doc = "length of the clips that are set aside for validation", .unit = "frames", .min = 1});
    knob("num_val_clips", num_val_clips, {.doc = "clips set aside for validation, per session", .min = 1});
    knob("val_clip_indices", val_clip_indices,
         {.doc = "which clips to set aside, counted through all training trials; null: drawn", .min = 0});
    knob("seed", seed, {.doc = "of the draw of validation clips", .min = 0, .max = 4294967295});
    knob("allow_over_boundaries", allow_over_boundaries,
         {.doc = "splice what is left after the validation clips, and let windows cross the seams "
                 "and the ends of trials"});
  }
};

// The `dataloader` node of a resolved config, by its `_target_`: plexiform.data.Clips, or
// openretina.data_io.base_dataloader.multiple_movies_dataloaders or
// openretina.data_io.hoefling_2024.dataloaders.natmov_dataloaders_v2 (whose validation_clip_indices are
// val_clip_indices), where allow_over_boundaries is true by default; or plexiform.data.Trials, or
// openretina.data_io.sridhar_2025.dataloaders.{frame_movie_loader,white_noise_loader} (trial_loader.h).
LoaderParams read_loader(const config::Node& root);

// The split of all sessions, by index.
struct Split {
  std::vector<Part> train;       // one per session; `windows` holds the unshifted starts
  std::vector<Part> validation;  // one per session; in the order of val_clip_indices, or as drawn
  std::vector<Part> tests;       // one per session and test stimulus: a single window
};

// Which frames are trained on, validated with and tested.
//   history   the core's: the first bins of a window, which get no prediction. The first bin that
//             does is never one of the session's discard_frames, so windows begin at least
//             discard_frames - history into a trial, validation windows also into their clip
//   returns   training windows that lie in one trial and in no validation clip. Each trial is cut
//             into floor(T / clip_length) clips, numbered through; the frames that follow its last
//             whole clip are trained on
// With allow_over_boundaries the trials are joined before they are cut, the clips that are left
// are joined again, and frames after the last whole clip are lost.
// Throws Error when no clip or window fits, none is left to train on, or one gets no prediction.
Split split(const Recordings& recordings, const LoaderParams& params, int64_t history);

// How many windows of `length` frames take the memory of one training batch, at least 1: a batch
// size for validation and tests, whatever their length.
int64_t windows_per_batch(const LoaderParams& params, int64_t length);

// Consecutive windows of a part, `batch_size` at a time; the last batch may be smaller.
std::vector<std::vector<Window>> in_order(const Part& part, int64_t batch_size);

// The endless stream of training batches. In an epoch the sessions take turns, in an order drawn
// anew, until the one with most batches is through once; shorter ones start over. Each pass over a
// session draws new shifts and a new order; windows that do not fill a batch are left out of it. A
// session with fewer windows than batch_size gives smaller batches. Which windows make a batch
// depends on seed, epoch and step alone.
class TrainStream {
 public:
  // Keeps references to `recordings` and `split`.
  TrainStream(const Recordings& recordings, const Split& split, const LoaderParams& params, uint64_t seed);
  int64_t steps_per_epoch() const;  // sessions x the largest number of batches of one session
  void start_epoch();               // the next one; before the first call there is none
  Batch next();                     // starts an epoch where none is begun or the last is over
  // Of the batches from now on: altogether, or that of the rows of other processes.
  void leave_out_stimulus() { share_.reset(); }
  void leave_out_stimulus_of_others(const parallel::Share& own) { share_ = own; }

  // Where the stream stands: epoch, step, and what restore() compares.
  Json state() const;
  // Continues there. Throws Error when the state is of another seed, split or batch size.
  void restore(const Json& state);

 private:
  struct Pass {  // windows of one session in the order in which this pass takes them
    int64_t number = -1;
    std::vector<Window> windows;
  };

  void draw_turns();
  const std::vector<Window>& windows_of_pass(size_t session, int64_t number);

  const Recordings& recordings_;
  const Split& split_;
  const uint64_t seed_;
  std::vector<int64_t> batch_sizes_, batches_;  // per session; batches of one pass
  int64_t epoch_ = -1, step_ = 0;
  std::vector<int64_t> turns_;  // sessions in this epoch's order
  std::vector<Pass> passes_;
  std::optional<parallel::Share> share_ = parallel::Share();  // the rows of a batch with stimulus; none
};

}  // namespace plexiform::data

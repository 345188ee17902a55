// Windows of movies that several sessions saw: a core passes over each once, and every session that saw it takes its turn on
// the features. Sessions may have seen the clips of a movie in different orders (View): windows then lie inside clips.
#pragma once

#include <data/batches.h>

namespace plexiform::data {

// What a window shows, wherever it lies in its trial: windows with the same show the same.
struct Shown {
  const Stimulus* stimulus = nullptr;
  bool mirrored = false;
  std::vector<std::pair<int64_t, int64_t>> pieces;  // where they begin in the stimulus, and how many frames

  auto operator<=>(const Shown&) const = default;
};
Shown shown(const Trial& trial, const Window& window, int64_t length);

// The share of one session in a batch.
struct Turn {
  Batch batch;                // of that session, without a stimulus
  std::vector<int64_t> rows;  // of the shared stimulus, one for each of its samples
};

struct SharedBatch {
  at::Tensor stimulus;      // (B, C, T, H, W) float32, normalised
  std::vector<Turn> turns;  // in the order of the sessions; each has a sample at least
};

// The endless stream of shared training batches. In an epoch each stretch of movie is gone through once, at a shift drawn
// anew, in windows of an order drawn anew; windows that do not fill a batch are left out. Sessions that have no window in
// common, such as those of left and of right eyes, have batches of their own, but for windows that do not fill one. Which
// windows make a batch depends on seed, epoch and step alone.
class SharedStream {
 public:
  // Keeps references to `recordings` and `split`. Throws Error("dataloader.allow_over_boundaries", ...) for windows that
  // cross the ends of trials, Error("dataloader", ...) for windows that have places of their own, and
  // Error("dataloader.train_chunk_size", ...) when no stretch holds a window.
  SharedStream(const Recordings& recordings, const Split& split, const LoaderParams& params, uint64_t seed);
  int64_t steps_per_epoch() const { return static_cast<int64_t>(windows_) / batch_size_; }
  void start_epoch();
  SharedBatch next();  // starts an epoch where none is begun or the last is over

  // As those of TrainStream.
  Json state() const;
  void restore(const Json& state);

  // Samples of all turns in an epoch, for each pass of the core: what sharing saves.
  double sessions_per_window() const;

 private:
  // Frames that follow each other wherever they were shown, and where that was.
  struct Run {
    int64_t length = 0;
    std::vector<std::pair<size_t, Window>> shown;  // by session: the window that begins with the run
    size_t audience = 0;  // a number that runs have in common where sessions saw both, or a chain of
                          // runs between them
  };

  void find_audiences();
  void draw();

  const Recordings& recordings_;
  const Split& split_;
  const uint64_t seed_;
  const int64_t length_;  // frames of a window
  std::vector<Run> runs_;
  int64_t windows_ = 0, batch_size_ = 0;
  int64_t epoch_ = -1, step_ = 0;
  std::vector<Window> order_;  // of this epoch; Window::trial is a number of runs_
};

}  // namespace plexiform::data

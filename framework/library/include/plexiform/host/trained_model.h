// A trained model, loaded from the folder that a training left (RUN/model), or an ensemble of them (plexiform ensemble).
//
//   const plexiform::host::TrainedModel model("runs/mine/model");
//   const at::Tensor rates = model.predict(movie, "retina_1");
//
// Notation B batch, C channels, T bins of the stimulus, T' = T - lag predicted bins, H x W pixels (row 0 on top), N neurons.
// Errors   plexiform::Error for a damaged folder, a missing plugin, a session or a shape that the model does not have.
// Threads  one at a time per model.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>
#include <plexiform/host/experiment.h>
#include <plexiform/shape.h>

namespace plexiform::host {

class TrainedModel {
 public:
  explicit TrainedModel(const std::string& folder, const Plugins& plugins = {});
  TrainedModel(TrainedModel&&) noexcept;
  ~TrainedModel();

  const std::vector<std::string>& sessions() const;
  int64_t neurons(const std::string& session) const;  // N
  Shape window() const;                               // (C, T, H, W) of a training window; T may differ in predict()
  int64_t lag() const;                                // bins at the start of a stimulus that get no prediction
  int64_t members() const;                            // of an ensemble; 1: it is none
  const Json& about()
      const;  // model.json (of the first member): config, components with versions and hashes, metrics of the best epoch
  const std::vector<std::string>& warnings() const;  // such as a plugin that is not the file it was trained with

  // Predicted activity (B, T', N) float32 of a session's neurons, in the units of its responses; the last bin is that of
  // the stimulus. Dropout and the like are off; there is no gradient.
  //   stimulus  (B, C, T, H, W), any dtype, in the units of the recorded movies: it is normalised here as for training
  //   traces    what else is known of each bin, (B, T, K), any dtype, in the units of the recorded traces: what the model's
  //             components read (pupil, eye position) is required
  at::Tensor predict(const at::Tensor& stimulus, const std::string& session,
                     const std::vector<Named>& traces = {}) const;

  // What each member of an ensemble predicts, (M, B, T', N); predict() is their mean, .std(0) their spread.
  at::Tensor predict_members(const at::Tensor& stimulus, const std::string& session,
                             const std::vector<Named>& traces = {}) const;

  // What the session's readout makes on its way to predict() and hands out (plexiform/abilities.h, Taps), by its names, such
  // as the code of a sparse autoencoder, (B, T', features); of an ensemble, of its first member. Empty: it hands out nothing.
  std::vector<Named> taps(const at::Tensor& stimulus, const std::string& session,
                          const std::vector<Named>& traces = {}) const;

  // The same as predict() for a movie that comes frame by frame, as in a closed loop: start(), then step() for each frame. The rates of
  // step() are those of predict() on the whole movie, in their order and all of them, to 1e-5 of the largest.
  // start() forgets the frames of an earlier movie; Error when the model's core cannot stream (it looks into the future).
  //   session  whose neurons step() predicts
  void start(const std::string& session);
  // Predicted activity (N) float32 of the bin that ends with this frame; undefined for the first lag() frames.
  //   frame   (C, H, W), any dtype, in the units of the recorded movies
  //   traces  of this bin, (K) each
  at::Tensor step(const at::Tensor& frame, const std::vector<Named>& traces = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plexiform::host

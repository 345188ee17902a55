// A model: one core, one readout per session, and the losses that compare its predictions with the recordings.
// Notation  B batch, C channels, T bins of a window, T' predicted bins (both end at the same bin), H x W pixels, N neurons.
// Errors    what a component throws, or returns against its contract (a wrong shape, an input that it wrote to), is an Error
//           with its place in the config, its name and its plugin's file.
// Threads   one at a time.
#pragma once

#include <data/recordings.h>
#include <plexiform/core.h>
#include <plexiform/loss.h>
#include <plexiform/readout.h>
#include <plugins/host/running.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::model {

// Where a component came from: what a bundle records of it.
struct Origin {
  std::string kind, name;               // as the config named it
  std::string plugin, version, sha256;  // of the file that holds it
  config::Json knobs;                   // values in effect, defaults included
  plugins::Site site;                   // what errors call it
};

// What is recorded beside the movie and shown to the core as further channels, each the same over the whole frame: the
// K rows of a trace. Source: Franke et al. 2022, Nature 610:128-134 (behaviour as channels).
struct TraceChannels {
  std::string name;
  int64_t rows = 1;  // K
};

struct Head {
  std::string session;
  int64_t neurons = 0;
  std::shared_ptr<Readout> readout;
  int64_t history = 0;              // bins of the features before the first that it predicts (LooksBack)
  std::shared_ptr<Loss> loss = {};  // of this session alone (model.session_losses); null: the model's
  std::string loss_kind = {};       // of its Origin
};

// B clips (B, C, T, H, W), of which any part can be had: a long one need not be in memory as a whole.
struct Clips {
  struct Range {
    int64_t begin, end;
  };
  Clips(const at::Tensor& stimulus);  // NOLINT(google-explicit-constructor): a tensor is clips
  Clips(std::vector<int64_t> sizes, std::function<at::Tensor(Range rows, Range bins)> part)
      : sizes(std::move(sizes)), part(std::move(part)) {}

  std::vector<int64_t> sizes;
  std::function<at::Tensor(Range rows, Range bins)> part;  // where the model is, normalised
  at::Tensor all() const { return part({0, sizes[0]}, {0, sizes[2]}); }
  Clips rows(Range range) const;
};

class Model {
 public:
  std::shared_ptr<Core> core;
  std::vector<Head> heads;  // in the order of the sessions
  std::shared_ptr<Loss> loss, evaluation_loss;
  std::vector<Origin> origins;
  std::vector<std::string> warnings;          // about the plugins, to be shown
  std::vector<TraceChannels> trace_channels;  // behind those of the movie
  Shape window;                               // of a training window (C, T, H, W), of the movie alone
  Shape features;                             // of it, after the core
  at::Device device = at::kCPU;               // of all tensors: what goes in has to lie there
  bool core_is_told = true;  // of which session a batch is; not with compat "openretina": it never learns its speeds

  // Predicted activity (B, T', N) of the neurons of session number `session`. Where no gradient is recorded, a large batch goes
  // through the model a few windows at a time: memory for few suffices. (So it is not to be training then.)
  //   traces  what else is known of each bin, (B, T, K): pupil, running (data::Batch::traces)
  at::Tensor forward(const Clips& stimulus, size_t session, const std::vector<Named>& traces = {}) const;

  // The two halves of it: features (B, F, T', H', W') of the core, and the prediction from them. Where no gradient is recorded,
  // a long movie goes through the core in pieces, if that says what of the movie a bin sees: layers then need memory for few
  // hundred bins. (So a core is not to be training then: its batch norm would know only the piece.)
  at::Tensor features_of(const Clips& stimulus, size_t session, const std::vector<Named>& traces = {}) const;
  at::Tensor from_features(const at::Tensor& features, size_t session, const std::vector<Named>& traces = {}) const;

  // Of sessions that all saw all of it, in their order. Readouts with a LinearDrive: in one product, where a map has no more
  // pixels than there are bins; else each neuron's weights would be more numbers than its part of the features.
  struct Asked {
    size_t session;
    std::vector<Named> traces;
  };
  std::vector<at::Tensor> from_features(const at::Tensor& features, const std::vector<Asked>& asked) const;

  // Of predictions (B, T', N) and recordings (B, T, N) of that session; scalars: one value per neuron is averaged.
  at::Tensor loss_of(const at::Tensor& prediction, const at::Tensor& target, size_t session) const;
  at::Tensor evaluation_loss_of(const at::Tensor& prediction, const at::Tensor& target, size_t session) const;

  // Adds the gradients of `total` to those of the parameters.
  void backward(const at::Tensor& total) const;

  // What the core gets for a stimulus of that shape: the movie's channels and those of the traces.
  Shape shown(Shape stimulus) const;

  // Bins that the core returns fewer than it is shown of such a movie; none if that depends on how long it is.
  std::optional<int64_t> bins_cut(Shape movie) const;

  // T - T': bins at the start of a window that get no prediction.
  int64_t lag() const;

  // Weighted regularisers, scalars.
  at::Tensor core_penalty() const;
  at::Tensor readout_penalty(size_t session) const;
  at::Tensor loss_penalty(size_t session) const;

  // The first component whose values are not finite for this batch; null: all are.
  const plugins::Site* not_finite(const at::Tensor& stimulus, const at::Tensor& target, size_t session,
                                  const std::vector<Named>& traces = {}) const;

  // "core.<name>", "readout.<session>.<name>" in the order of the sessions, "loss.<name>",
  // "session_losses.<session>.<name>".
  std::vector<Named> parameters() const;
  std::vector<Named> buffers() const;
  // Both: what a bundle and a checkpoint store.
  std::vector<Named> state() const;
  // Copies values into the model's tensors. Throws Error when a name is missing, unknown or of another shape.
  void load_state(const std::vector<Named>& tensors, const std::string& file) const;

  // What errors call the component of that kind; without a place when the model has none.
  const plugins::Site& site(const char* kind) const;
  const plugins::Site& readout_site(size_t session) const;

  void train(bool on) const;
  void to(at::Device there);  // moves all tensors, which stay the same ones
  // Puts all parameters back into their allowed set (Component::project).
  void project() const;

 private:
  friend class Stream;
  // (B, C, T, H, W) or, of one bin, (B, C, H, W), with the channels of the traces (B, T, K) or (B, K) behind.
  at::Tensor shown(const at::Tensor& stimulus, const Given& given) const;
  Given given_core(size_t session, const std::vector<Named>& traces) const;
  at::Tensor features_of(const at::Tensor& stimulus, const Given& given) const;
  at::Tensor predict(const at::Tensor& features, size_t session, const Given& given) const;
  at::Tensor compare(const char* kind, Loss& loss, const at::Tensor& prediction, const at::Tensor& target,
                     size_t session) const;
  at::Tensor penalty(const plugins::Site& site, Component& component) const;
};

}  // namespace plexiform::model

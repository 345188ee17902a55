#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <model/bundle.h>
#include <model/inputs.h>
#include <model/stream.h>
#include <plexiform/host/trained_model.h>
#include <plugins/config_sources.h>

#include <algorithm>
#include <optional>

namespace plexiform::host {

namespace {

std::vector<Named> in_float(std::vector<Named> traces) {
  for (auto& trace : traces) {
    if (trace.tensor.defined()) trace.tensor = trace.tensor.to(at::kFloat);
  }
  return traces;
}

}  // namespace

struct TrainedModel::State {
  model::Bundle bundle;
  std::vector<std::string> sessions;
  double mean = 0, std = 1;  // of the stimuli that it was trained on
  std::optional<model::Stream> stream;

  at::Tensor normalised(const at::Tensor& stimulus) const { return stimulus.to(at::kFloat).sub(mean).mul(1 / std); }

  size_t find(const std::string& session) const {
    const auto found = std::find(sessions.begin(), sessions.end(), session);
    if (found == sessions.end()) {
      throw Error(session, "the model has no such session", did_you_mean(session, sessions));
    }
    return static_cast<size_t>(found - sessions.begin());
  }
};

TrainedModel::TrainedModel(const std::string& folder, const Plugins& plugins) : state_(std::make_unique<State>()) {
  auto catalogue = plugins::Catalogue::discover(plugins::search_order(plugins.files, plugins.folders));
  if (!plugins.locked.empty()) catalogue.lock(plugins::Lock::named(plugins.locked));
  state_->bundle = model::read_bundle(folder, catalogue);
  for (const auto& head : state_->bundle.model.heads) state_->sessions.push_back(head.session);
  const auto& normalisation = about().at("normalisation");
  normalisation.at("mean").get_to(state_->mean);
  normalisation.at("std").get_to(state_->std);
}

TrainedModel::TrainedModel(TrainedModel&&) noexcept = default;
TrainedModel::~TrainedModel() = default;

const std::vector<std::string>& TrainedModel::sessions() const { return state_->sessions; }
int64_t TrainedModel::neurons(const std::string& session) const {
  return state_->bundle.model.heads[state_->find(session)].neurons;
}
Shape TrainedModel::window() const { return state_->bundle.model.window; }
int64_t TrainedModel::lag() const { return state_->bundle.model.lag(); }
const Json& TrainedModel::about() const { return state_->bundle.about; }
const std::vector<std::string>& TrainedModel::warnings() const { return state_->bundle.warnings; }

at::Tensor TrainedModel::predict(const at::Tensor& stimulus, const std::string& session,
                                 const std::vector<Named>& traces) const {
  const size_t number = state_->find(session);
  const Shape trained = window();
  const bool movie = stimulus.defined() && stimulus.dim() == 5;
  const Shape shape = movie ? Shape{stimulus.size(1), stimulus.size(2), stimulus.size(3), stimulus.size(4)} : Shape{};
  if (!movie || shape != Shape{trained.channels, shape.time, trained.height, trained.width}) {
    throw Error("stimulus", movie ? "is of " + shape.text() : "has not the axes (batch, channels, time, rows, columns)",
                "give it the size that the model was trained with, " + trained.text() + "; only T may differ");
  }
  state_->bundle.model.core->output_shape(state_->bundle.model.shown(shape));  // refuses a clip that is too short
  const auto known = in_float(traces);
  model::check_traces(state_->bundle.model, number, known, stimulus.size(0), shape.time);
  const at::NoGradGuard no_grad;
  return state_->bundle.model.forward(state_->normalised(stimulus), number, known);
}

void TrainedModel::start(const std::string& session) {
  state_->stream.reset();
  state_->stream.emplace(state_->bundle.model, state_->find(session));
}

at::Tensor TrainedModel::step(const at::Tensor& frame, const std::vector<Named>& traces) {
  if (!state_->stream) throw Error("stimulus", "comes before a stream was started", "call start(session) first");
  const Shape trained = window();
  if (!frame.defined() || frame.sizes() != at::IntArrayRef({trained.channels, trained.height, trained.width})) {
    throw Error("frame", "is not of the size that the model was trained with",
                fmt::format("give it (channels, rows, columns) = ({}, {}, {})", trained.channels, trained.height,
                            trained.width));
  }
  const at::NoGradGuard no_grad;
  const at::Tensor rates = state_->stream->step(state_->normalised(frame).unsqueeze(0), in_float(traces));
  return rates.defined() ? rates.squeeze(0) : rates;
}

}  // namespace plexiform::host

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>
#include <model/ensemble.h>
#include <model/inputs.h>
#include <model/stream.h>
#include <plexiform/abilities.h>
#include <plexiform/host/trained_model.h>
#include <plugins/config_sources.h>

#include <algorithm>
#include <deque>

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
  std::vector<model::Bundle> members;  // one, or those of an ensemble, which agree on all but the weights
  std::vector<std::string> sessions, warnings;
  double mean = 0, std = 1;           // of the stimuli that it was trained on
  std::deque<model::Stream> streams;  // one for each member, once started
  at::Tensor newest;                  // frame of the stream, normalised

  const model::Bundle& first() const { return members.front(); }

  // Part by part, as it is seen: a movie may be long, and of bytes.
  model::Clips normalised(const at::Tensor& stimulus) const {
    return {stimulus.sizes().vec(), [this, stimulus](const auto& rows, const auto& bins) {
              const auto some = stimulus.slice(0, rows.begin, rows.end).slice(2, bins.begin, bins.end);
              return some.to(at::kFloat).sub(mean).mul_(1 / std);
            }};
  }

  // The same of one frame, (C, H, W) -> (1, C, H, W), in memory that is kept: two operators cost more than its numbers.
  at::Tensor normalised_frame(const at::Tensor& frame) {
    const at::Tensor values = frame.to(at::kFloat).contiguous();
    if (!newest.defined()) newest = at::empty({1, values.size(0), values.size(1), values.size(2)}, at::kFloat);
    const float* const from = values.const_data_ptr<float>();
    const auto shift = static_cast<float>(mean), scale = static_cast<float>(1 / std);
    std::transform(from, from + values.numel(), newest.mutable_data_ptr<float>(),
                   [&](float value) { return (value - shift) * scale; });
    return newest;
  }

  // (C, T, H, W) of a stimulus (B, C, T, H, W) that the model can see.
  Shape shape_of(const at::Tensor& stimulus) const {
    const Shape trained = first().model.window;
    const bool movie = stimulus.defined() && stimulus.dim() == 5;
    const Shape shape = movie ? Shape{stimulus.size(1), stimulus.size(2), stimulus.size(3), stimulus.size(4)} : Shape{};
    if (!movie || shape != Shape{trained.channels, shape.time, trained.height, trained.width}) {
      throw Error("stimulus",
                  movie ? "is of " + shape.text() : "has not the axes (batch, channels, time, rows, columns)",
                  "give it the size that the model was trained with, " + trained.text() + "; only T may differ");
    }
    return shape;
  }

  // Throws Error when the model predicts no bin of so short a movie.
  static void check_length(const model::Model& model, const Shape& movie, size_t session) {
    try {
      if (model.core->output_shape(model.shown(movie)).time > model.heads[session].history) return;
    } catch (const Error&) {  // in words of a config that is to be trained
    }
    const int64_t lag = model.window.time - model.features.time + model.heads[session].history;
    throw Error("stimulus", fmt::format("is of {} bins, too few for a prediction", movie.time),
                fmt::format("give it more than {}: so many bins at its start get none", lag));
  }

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
  state_->members = model::read_members(folder, catalogue);
  for (const auto& head : state_->first().model.heads) state_->sessions.push_back(head.session);
  for (const auto& member : state_->members) {
    state_->warnings.insert(state_->warnings.end(), member.warnings.begin(), member.warnings.end());
  }
  const auto& normalisation = about().at("normalisation");
  normalisation.at("mean").get_to(state_->mean);
  normalisation.at("std").get_to(state_->std);
}

TrainedModel::TrainedModel(TrainedModel&&) noexcept = default;
TrainedModel::~TrainedModel() = default;

const std::vector<std::string>& TrainedModel::sessions() const { return state_->sessions; }
int64_t TrainedModel::neurons(const std::string& session) const {
  return state_->first().model.heads[state_->find(session)].neurons;
}
Shape TrainedModel::window() const { return state_->first().model.window; }
int64_t TrainedModel::lag() const { return state_->first().model.lag(); }
int64_t TrainedModel::members() const { return static_cast<int64_t>(state_->members.size()); }
const Json& TrainedModel::about() const { return state_->first().about; }
const std::vector<std::string>& TrainedModel::warnings() const { return state_->warnings; }

at::Tensor TrainedModel::predict(const at::Tensor& stimulus, const std::string& session,
                                 const std::vector<Named>& traces) const {
  const at::Tensor all = predict_members(stimulus, session, traces);
  return members() == 1 ? all.squeeze(0) : all.mean(0);
}

at::Tensor TrainedModel::predict_members(const at::Tensor& stimulus, const std::string& session,
                                         const std::vector<Named>& traces) const {
  const size_t number = state_->find(session);
  const Shape shape = state_->shape_of(stimulus);
  const auto known = in_float(traces);
  const at::NoGradGuard no_grad;
  const auto normalised = state_->normalised(stimulus);
  std::vector<at::Tensor> predictions;
  for (const auto& member : state_->members) {
    State::check_length(member.model, shape, number);
    model::check_traces(member.model, number, known, stimulus.size(0), shape.time);
    predictions.push_back(member.model.forward(normalised, number, known));
  }
  return at::stack(predictions);
}

std::vector<Named> TrainedModel::taps(const at::Tensor& stimulus, const std::string& session,
                                      const std::vector<Named>& traces) const {
  const size_t number = state_->find(session);
  const Shape shape = state_->shape_of(stimulus);
  const auto& model = state_->first().model;
  auto* taps = ability<Taps>(*model.heads[number].readout);
  if (!taps) return {};
  const auto known = in_float(traces);
  const at::NoGradGuard no_grad;
  State::check_length(model, shape, number);
  model::check_traces(model, number, known, stimulus.size(0), shape.time);
  const auto features = model.features_of(state_->normalised(stimulus), number, known);
  return taps->taps(features, Given(session, known));
}

void TrainedModel::start(const std::string& session) {
  state_->streams.clear();
  const size_t number = state_->find(session);
  for (const auto& member : state_->members) state_->streams.emplace_back(member.model, number);
}

at::Tensor TrainedModel::step(const at::Tensor& frame, const std::vector<Named>& traces) {
  if (state_->streams.empty())
    throw Error("stimulus", "comes before a stream was started", "call start(session) first");
  const Shape trained = window();
  if (!frame.defined() || frame.sizes() != at::IntArrayRef({trained.channels, trained.height, trained.width})) {
    throw Error("frame", "is not of the size that the model was trained with",
                fmt::format("give it (channels, rows, columns) = ({}, {}, {})", trained.channels, trained.height,
                            trained.width));
  }
  const at::NoGradGuard no_grad;
  const at::Tensor normalised = state_->normalised_frame(frame);
  const auto known = in_float(traces);
  at::Tensor sum;
  for (auto& stream : state_->streams) {
    const at::Tensor rates = stream.step(normalised, known);
    if (rates.defined()) sum = sum.defined() ? sum.add(rates) : rates;
  }
  if (!sum.defined()) return sum;
  return members() == 1 ? sum.squeeze(0) : sum.squeeze(0).div(static_cast<double>(members()));
}

}  // namespace plexiform::host

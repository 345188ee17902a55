#include "specimen.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/rand_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sin.h>
#include <c10/util/Exception.h>
#include <plexiform/abilities.h>

#include <cstring>
#include <sstream>

namespace plexiform::conformance {

namespace {

template <size_t N>
std::string text_of(const char (&field)[N]) {
  return std::string(field, strnlen(field, N));
}

void append(void* receiver, const char* part) { static_cast<std::string*>(receiver)->append(part); }

const Session usual = {"session", neurons};

// What recordings commonly say of their neurons, for readouts and losses that ask.
std::vector<Named> facts(const Shape& features, int64_t neurons) {
  const auto numbers = [](std::vector<int64_t> sizes) {
    const auto i = at::arange(1, c10::multiply_integers(sizes) + 1, at::kDouble);
    return (i * 0.6180339887498949).frac().to(at::kFloat).view(sizes);  // from 0 to 1
  };
  return {{"positions", numbers({neurons, 2})},
          {"spatial_filters", numbers({neurons, features.height, features.width})},
          {"temporal_filters", numbers({neurons, 5})},
          {"group_assignment", at::arange(neurons, at::kLong).remainder(2) + 1}};  // cell types 1 and 2
}

// The first session's readout, for one that takes that over: neuron n sees the mean of the features n + 1 times.
struct First final : Readout {
  explicit First(int64_t neurons) : neurons(neurons) {}
  at::Tensor forward(const at::Tensor& features, const Given&) override {
    return features.mean(at::IntArrayRef{1, 3, 4}).unsqueeze(2) * at::arange(1, neurons + 1).to(features);
  }
  std::vector<Named> parameters() override { return {}; }
  std::vector<Named> buffers() override { return {}; }
  void train(bool) override {}
  void to(at::Device, at::ScalarType) override {}
  const int64_t neurons;
};

CoreContext core_context(const Subject& subject, const std::vector<Session>& sessions) {
  CoreContext context = {subject.input, subject.compat};
  for (const auto& session : sessions) context.sessions.push_back(session.name);
  return context;
}

ReadoutContext readout_context(const Subject& subject, const Session& session) {
  return {.features = subject.input,
          .session = session.name,
          .neurons = session.neurons,
          .mean_activity = at::full({session.neurons}, 0.5, at::kFloat),
          .compat = subject.compat,
          .info = facts(subject.input, session.neurons),
          .first = std::make_shared<First>(session.neurons)};
}

LossContext loss_context(const Subject& subject, const std::vector<Session>& sessions) {
  LossContext context = {subject.compat};
  for (const auto& session : sessions) {
    context.sessions.push_back({session.name, session.neurons, facts({1, 1, 4, 4}, session.neurons)});
  }
  return context;
}

}  // namespace

Json list_knobs(const plexiform_component& component) {
  std::string text;
  plexiform_failure failure = {sizeof failure, "", "", "", 0};
  if (component.describe(append, &text, &failure) != 0) {
    throw Error(text_of(failure.where), text_of(failure.problem), text_of(failure.fix));
  }
  return Json::parse(text);
}

Json create(const plexiform_component& component, const Json& knobs, const void* context, void* out) {
  std::string values;
  plexiform_failure failure = {sizeof failure, "", "", "", 0};
  if (component.create(knobs.dump().c_str(), context, out, append, &values, &failure) != 0) {
    const auto where = text_of(failure.where), problem = text_of(failure.problem), fix = text_of(failure.fix);
    if (failure.accident) throw Accident(where, problem, fix);
    throw Error(where, problem, fix);
  }
  return Json::parse(values, nullptr, /*allow_exceptions=*/false);
}

Json try_create(const Subject& subject) {
  if (subject.component->kind == PLEXIFORM_CORE_KIND) {
    const auto context = core_context(subject, {usual});
    std::shared_ptr<Core> core;
    return create(*subject.component, subject.knobs, &context, &core);
  }
  if (subject.component->kind == PLEXIFORM_READOUT_KIND) {
    const auto context = readout_context(subject, usual);
    std::shared_ptr<Readout> readout;
    return create(*subject.component, subject.knobs, &context, &readout);
  }
  const auto context = loss_context(subject, {});
  std::shared_ptr<Loss> loss;
  return create(*subject.component, subject.knobs, &context, &loss);
}

Specimen::Specimen(const Subject& subject, uint64_t reseed) {
  build(subject, reseed, subject.component->kind == PLEXIFORM_LOSS_KIND ? std::vector<Session>{} : std::vector{usual});
}

Specimen::Specimen(const Subject& subject, uint64_t reseed, const std::vector<Session>& sessions) {
  build(subject, reseed, sessions);
}

void Specimen::build(const Subject& subject, uint64_t reseed, const std::vector<Session>& sessions) {
  shape_ = subject.input;
  of_session_ = !sessions.empty();
  at::manual_seed(subject.seed + reseed);
  if (subject.component->kind == PLEXIFORM_CORE_KIND) {
    const auto context = core_context(subject, sessions);
    create(*subject.component, subject.knobs, &context, &core_);
    component_ = core_;
  } else if (subject.component->kind == PLEXIFORM_READOUT_KIND) {
    const auto context = readout_context(subject, sessions.at(0));
    create(*subject.component, subject.knobs, &context, &readout_);
    component_ = readout_;
  } else {
    const auto context = loss_context(subject, sessions);
    create(*subject.component, subject.knobs, &context, &loss_);
    component_ = loss_;
    shape_ = {1, loss_bins - lag, 1, 1};
  }
  expect(component_ != nullptr, "create succeeded, but left `out` empty");
}

void for_each_use(const Subject& subject, const std::function<void(const Specimen&)>& check) {
  const Specimen alone(subject);
  check(alone);
  if (subject.component->kind != PLEXIFORM_LOSS_KIND || !ability<SessionLoss>(alone.loss())) return;
  try {
    check(Specimen(subject, 0, {usual}));
  } catch (const Broken& broken) {
    throw Broken{"for a batch of a session, " + broken.seen};
  }
}

std::optional<Specimen> build(const Subject& subject) {
  try {
    return Specimen(subject);
  } catch (const Accident& error) {
    throw Broken{"with " + subject.knobs.dump() + ", input " + subject.input.text() + ", create throws " +
                 error.problem().substr(0, 300)};
  } catch (const Error&) {
    return {};
  }
}

void Specimen::destroy() {
  component_.reset();
  core_.reset();
  readout_.reset();
  loss_.reset();
}

at::Tensor Specimen::input(int64_t batch, const Shape& shape) const {
  return loss_ ? at::rand({batch, shape.time, neurons}) + 0.1 : at::randn(sizes(batch, shape));
}

at::Tensor Specimen::run(const at::Tensor& x) const { return loss_ ? compare(x, target(x)) : run(x, usual.name); }

at::Tensor Specimen::compare(const at::Tensor& prediction, const at::Tensor& target) const {
  auto* offered = of_session_ ? ability<SessionLoss>(*loss_) : nullptr;
  return offered ? offered->forward(prediction, target, Given(usual.name)) : loss_->forward(prediction, target);
}

at::Tensor Specimen::run(const at::Tensor& x, const std::string& session) const {
  if (!loss_) {
    const auto known = given(*component_, x, -1, session);
    return core_ ? core_->forward(x, known) : readout_->forward(x, known);
  }
  auto* of_session = ability<SessionLoss>(*loss_);
  return of_session ? of_session->forward(x, target(x), Given(session)) : loss_->forward(x, target(x));
}

at::Tensor Specimen::run_or_break(const at::Tensor& x, const std::string& what) const {
  try {
    return run(x);
  } catch (const std::exception& error) {
    const auto* of_torch = dynamic_cast<const c10::Error*>(&error);  // whose what() has a stack of calls
    throw Broken{what + " it is created, but forward throws " +
                 std::string(of_torch ? of_torch->what_without_backtrace() : error.what()).substr(0, 300)};
  }
}

at::Tensor Specimen::value(const at::Tensor& x) const {
  const auto output = weighted_sum(run(x));
  const auto penalty = component_->penalty();
  return penalty.defined() ? output + penalty : output;
}

at::Tensor target(const at::Tensor& prediction) {
  const int64_t bins = prediction.size(1) + lag;
  const auto i = at::arange(1, prediction.size(0) * bins * prediction.size(2) + 1, at::kDouble);
  return ((i * 0.6180339887498949).frac() * 2).view({prediction.size(0), bins, prediction.size(2)}).to(prediction);
}

Given given(Component& component, const at::Tensor& clip, int64_t bin, const std::string& session) {
  auto* asked = ability<Inputs>(component);
  if (!asked) return Given(session);
  std::vector<Named> tensors;
  for (const auto& input : asked->inputs()) {
    std::vector<int64_t> extents;
    int64_t count = 1, time_axis = -1;
    std::istringstream axes(input.axes);
    for (std::string axis; axes >> axis;) {
      if (axis == "T") time_axis = std::ssize(extents);
      extents.push_back(axis == "B"   ? 1
                        : axis == "T" ? clip.size(2)
                        : axis == "H" ? clip.size(3)
                        : axis == "W" ? clip.size(4)
                                      : std::stoll(axis));
      count *= extents.back();
    }
    auto tensor = (at::arange(count, at::kDouble) * 0.7 + std::ssize(tensors)).sin().view(extents).to(clip);
    if (!extents.empty()) {  // the same for each sample, so that samples can be looked at apart
      extents[0] = clip.size(0);
      tensor = tensor.expand(extents).contiguous();
    }
    if (bin >= 0 && time_axis >= 0) tensor = tensor.select(time_axis, bin);
    tensors.push_back({input.name, tensor});
  }
  return Given(session, std::move(tensors));
}

std::vector<int64_t> sizes(int64_t batch, const Shape& s) { return {batch, s.channels, s.time, s.height, s.width}; }

std::vector<Named> state(Component& component) {
  auto all = component.parameters();
  for (auto& buffer : component.buffers()) all.push_back(buffer);
  return all;
}

std::vector<Named> trainable(Component& component) {
  auto all = component.parameters();
  std::erase_if(all, [](const Named& one) { return !one.tensor.requires_grad(); });
  return all;
}

void move_a_little(Component& component) {
  at::NoGradGuard no_grad;
  for (auto& one : state(component)) {
    if (one.tensor.is_floating_point()) one.tensor.add_(at::rand_like(one.tensor), 0.1);
  }
}

void copy_state(Component& from, Component& to) {
  at::NoGradGuard no_grad;
  const auto source = state(from), destination = state(to);
  expect(source.size() == destination.size(),
         str("one instance saves ", source.size(), " tensors, another of the same ", "knobs ", destination.size()));
  for (size_t i = 0; i < source.size(); ++i) {
    expect(source[i].name == destination[i].name && source[i].tensor.sizes() == destination[i].tensor.sizes(),
           str("one instance saves '", source[i].name, "' of shape ", source[i].tensor.sizes(), ", another '",
               destination[i].name, "' of ", destination[i].tensor.sizes()));
    destination[i].tensor.copy_(source[i].tensor);
  }
}

bool finite(const at::Tensor& x) { return x.isfinite().all().item<bool>(); }

double distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

bool agree(const at::Tensor& a, const at::Tensor& b, double relative) {
  if (a.sizes() != b.sizes()) return false;
  if (a.numel() == 0) return true;
  const double scale = std::max(a.abs().max().item<double>(), b.abs().max().item<double>());
  return distance(a, b) <= relative * scale + 1e-30;  // NaN is not close to anything
}

at::Tensor weighted_sum(const at::Tensor& x) {
  const auto weights = (at::arange(1, x.numel() + 1, at::kDouble) * 0.37).sin();
  return (x.reshape({-1}) * weights.to(x)).sum();
}

}  // namespace plexiform::conformance

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <model/inputs.h>
#include <plexiform/abilities.h>
#include <plexiform/error.h>

namespace plexiform::model {

namespace {

const std::vector<Named>& traces_of(const data::Session& session) {
  static const std::vector<Named> none;
  if (!session.train.empty()) return session.train.front().traces;
  return session.tests.empty() ? none : session.tests.front().traces;
}

// "B T 2" asks for 2 rows; 0: it does not say.
int64_t rows(const Input& input) {
  const std::string last = input.axes.substr(input.axes.find_last_of(' ') + 1);
  return last.find_first_not_of("0123456789") == std::string::npos && !last.empty() ? std::stoll(last) : 0;
}

std::string what_there_is(const std::vector<Named>& traces) {
  std::vector<std::string> names;
  for (const auto& trace : traces) names.push_back(trace.name);
  return names.empty() ? "it has no traces" : fmt::format("it has {}", fmt::join(names, ", "));
}

std::vector<Input> inputs_of(Component& component) {
  auto* reads = ability<Inputs>(component);
  return reads ? reads->inputs() : std::vector<Input>();
}

// What the model itself reads, as a component's inputs.
std::vector<Input> inputs_of(const Model& model) {
  std::vector<Input> all;
  for (const auto& [name, rows] : model.trace_channels) {
    all.push_back({name, "B T " + std::to_string(rows), true, "channels of the core"});
  }
  return all;
}

void check(const std::vector<Input>& inputs, const std::string& label, const std::vector<Named>& traces, int64_t B,
           int64_t T) {
  for (const auto& input : inputs) {
    const auto trace = find(traces, input.name);
    if (!trace.defined() && !input.required) continue;
    const int64_t wanted = rows(input);
    if (!trace.defined()) {
      throw Error(input.name, fmt::format("is missing, and {} reads it: {}", label, input.doc),
                  fmt::format("give it with the stimulus, {} numbers for each bin",
                              wanted > 0 ? std::to_string(wanted) : "its"));
    }
    const bool fits = trace.dim() == 3 && trace.size(0) == B && trace.size(1) == T;
    if (!fits || (wanted > 0 && trace.size(2) != wanted)) {
      throw Error(input.name, fmt::format("is of ({})", fmt::join(trace.sizes(), ", ")),
                  fmt::format("give it (batch, bins, numbers) = ({}, {}, {})", B, T,
                              wanted > 0 ? std::to_string(wanted) : "any"));
    }
  }
}

void check(const std::vector<Input>& inputs, const std::string& place, const data::Session& session) {
  const auto& traces = traces_of(session);
  for (const auto& input : inputs) {
    const auto trace = find(traces, input.name);
    if (!trace.defined() && input.required) {
      throw Error(
          place,
          fmt::format("reads '{}', which session '{}' lacks: {}", input.name, session.name, what_there_is(traces)),
          fmt::format("store it as traces/<stimulus>/{} (rows, frames), or name another", input.name));
    }
    if (trace.defined() && rows(input) > 0 && trace.size(0) != rows(input)) {
      throw Error(place,
                  fmt::format("reads {} rows of '{}', but session '{}' has {}", rows(input), input.name, session.name,
                              trace.size(0)),
                  "store as many rows, or set the knob that says how many there are");
    }
  }
}

}  // namespace

void check_inputs(const Model& model, const data::Recordings& recordings) {
  for (size_t i = 0; i < recordings.sessions.size(); ++i) {
    check(inputs_of(model), "model.trace_channels", recordings.sessions[i]);
    check(inputs_of(*model.core), model.site("core").place, recordings.sessions[i]);
    check(inputs_of(*model.heads[i].readout), model.readout_site(i).place, recordings.sessions[i]);
  }
}

void check_traces(const Model& model, size_t session, const std::vector<Named>& traces, int64_t B, int64_t T) {
  check(inputs_of(model), "model.trace_channels", traces, B, T);
  check(inputs_of(*model.core), model.site("core").label, traces, B, T);
  check(inputs_of(*model.heads[session].readout), model.readout_site(session).label, traces, B, T);
}

}  // namespace plexiform::model

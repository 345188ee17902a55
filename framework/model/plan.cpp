#include <fmt/format.h>
#include <model/plan.h>

#include <set>

namespace plexiform::model {
namespace {

std::string megabytes(double bytes) { return fmt::format("{:.1f} MB", bytes / 1e6); }

// Numbers in the tensors whose names begin so.
int64_t count(const std::vector<Named>& tensors, const std::string& begin = "") {
  int64_t n = 0;
  for (const auto& [name, tensor] : tensors) n += name.starts_with(begin) ? tensor.numel() : 0;
  return n;
}

}  // namespace

std::string describe_plan(const Model& model, const data::Recordings& recordings, const data::Split& split,
                          const data::LoaderParams& loader) {
  std::string text = "components\n";
  std::set<std::string> seen;  // readouts are listed once
  for (const auto& origin : model.origins) {
    if (!seen.insert(origin.kind + origin.name).second) continue;
    text += fmt::format("  {:16} {}  (plugin {} {})\n", origin.kind, origin.name, origin.plugin, origin.version);
  }
  text += fmt::format("shapes\n  {:16} {}\n  {:16} {}\n  {:16} {} bins of a window get no prediction\n", "window",
                      model.window.text(), "features", model.features.text(), "lag", model.lag());
  text += "sessions           neurons  training frames  batches/epoch  validation clips  tests\n";
  std::set<const void*> movies;  // where they begin: stimuli may share one
  double movie = 0, recorded = 0;
  for (const auto& part : split.train) {
    const auto& session = recordings.sessions[part.session];
    int64_t frames = 0, tests = 0, clips = 0;
    for (const auto& stretch : part.stretches) frames += stretch.length;
    for (const auto& test : split.tests) tests += test.session == part.session;
    for (const auto& validation : split.validation) {
      if (validation.session == part.session) clips = static_cast<int64_t>(validation.windows.size());
    }
    const auto windows = static_cast<int64_t>(part.windows.size());
    text += fmt::format("  {:16} {:7}  {:15}  {:13}  {:16}  {:5}\n", session.name, session.neurons, frames,
                        std::max<int64_t>(1, windows / loader.batch_size), clips, tests);
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        const at::Tensor& shown = trial.stimulus->movie;
        if (movies.insert(shown.const_data_ptr()).second) movie += static_cast<double>(shown.nbytes());
        recorded += static_cast<double>(trial.responses.nbytes());
        if (trial.repeats.defined()) recorded += static_cast<double>(trial.repeats.nbytes());
      }
    }
  }
  const auto parameters = model.parameters();
  const int64_t all = count(parameters), core = count(parameters, "core."), readouts = count(parameters, "readout.");
  const double batch = 4.0 * static_cast<double>(loader.batch_size * model.window.numel());
  const double features = 4.0 * static_cast<double>(loader.batch_size * model.features.numel());
  text += fmt::format("parameters\n  {:16} {}\n  {:16} {}\n", "core", core, "readouts", readouts);
  if (all > core + readouts) text += fmt::format("  {:16} {}\n", "losses", all - core - readouts);
  text += fmt::format("memory\n  {:16} {}\n  {:16} {}\n  {:16} {} stimulus, {} features\n  {:16} {}\n", "stimuli",
                      megabytes(movie), "responses", megabytes(recorded), "batch", megabytes(batch),
                      megabytes(features), "model, optimiser", megabytes(16.0 * static_cast<double>(all)));
  return text;
}

}  // namespace plexiform::model

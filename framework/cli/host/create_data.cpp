// plexiform create-data DIR: simulated recordings to try the program with, in the generic layout or in that of published
// ones.
#include <cli/host/commands.h>
#include <cli/parse.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/made_folder.h>
#include <simulation/retina.h>

#include <algorithm>

namespace plexiform::cli {
namespace {

// "test_frames" -> "--test-frames"
std::string option_name(std::string knob) {
  std::replace(knob.begin(), knob.end(), '_', '-');
  return "--" + knob;
}

// One option per knob, with its default and doc.
struct Options {
  CLI::App& app;
  void operator()(const char* name, int64_t& field, const About& about = {}) {
    app.add_option(option_name(name), field, about.doc)->capture_default_str();
  }
};

std::string named(const std::string& folder) { return folder.empty() ? "has no name" : ""; }

template <class Params>
void check_ranges(const Params& params) {
  try {
    Params checked;
    read_params(checked, write_params(params));
  } catch (const Error& e) {
    throw Usage(fmt::format("{}: {}\n  fix: {}", option_name(e.where()), e.problem(), e.fix()));
  }
}

void print(const std::vector<simulation::SessionSummary>& sessions) {
  fmt::print("{:<12}{:>7}{:>16}{:>16}\n", "session", "cells", "mean rate, Hz", "noise ceiling");
  for (const auto& s : sessions) {
    fmt::print("{:<12}{:>7}{:>16.1f}{:>16.3f}\n", s.name, s.cells, s.mean_rate_hz, s.median_noise_ceiling);
  }
}

// --layout NAME, whatever else is said; "" without it.
std::string layout_of(const Arguments& arguments) {
  const std::string option = "--layout";
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(option + "=")) return arguments[i].substr(option.size() + 1);
    if (arguments[i] == option && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return "";
}

const simulation::Layout& known_layout(const std::string& name) {
  try {
    return simulation::layout(name);
  } catch (const Error& e) {
    throw Usage(fmt::format("--layout: {}\n  fix: {}", e.problem(), e.fix()));
  }
}

// With --layout: files as those of a published data set, whose cells are made up.
int create_layout(const std::string& name, const Arguments& arguments) {
  const auto& layout = known_layout(name);
  CLI::App app(layout.what, "plexiform create-data --layout " + name);
  std::string folder, unused;
  bool replace = false, full = std::find(arguments.begin(), arguments.end(), "--full") != arguments.end();
  simulation::LayoutSize size = full ? layout.full : layout.small;
  app.add_option("DIR", folder, "the folder to make")->required()->check(named);
  app.add_option("--layout", unused, "of which data set");
  app.add_flag("--full", full, "as large as the published files; without it a few MB");
  app.add_flag("--force", replace, "replace simulated recordings that are there");
  Options options{app};
  size.describe(options);
  if (!parse(app, arguments)) return 0;
  check_ranges(size);
  const Json asked = write_params(size), usual = write_params(full ? layout.full : layout.small);
  for (const auto& name : layout.given) {
    if (asked[name] == usual[name]) continue;
    throw Usage(fmt::format("{}: is {} in this layout\n  fix: leave it out", option_name(name), usual[name].dump()));
  }
  Json record = asked;
  record["layout"] = layout.name;
  simulation::make_folder(folder, replace, record, [&](const std::string& made) { layout.write(made, size); });
  fmt::print("{}: {}\n", folder, layout.what);
  if (layout.experiments.empty()) fmt::print("plexiform data inspect {}\n", folder);  // says how to train on it
  for (const auto& experiment : layout.experiments) {
    std::string words;
    for (const auto& [key, below] : layout.paths) words += fmt::format(" {}={}{}", key, folder, below);
    if (!full) {
      for (const auto* some : {&layout.small_overrides, &experiment.small_overrides}) {
        for (const auto& word : *some) words += " " + word;
      }
    }
    fmt::print("plexiform train --config-name {}{}\n", experiment.config, words);
  }
  return 0;
}

}  // namespace

int create_data(const Arguments& arguments) {
  if (const auto layout = layout_of(arguments); !layout.empty()) return create_layout(layout, arguments);
  std::string layouts;
  for (const auto& layout : simulation::layouts()) layouts += (layouts.empty() ? "" : ", ") + layout.name;
  CLI::App app(
      "Writes simulated recordings of a retina that watches noise and a moving texture, and the "
      "true receptive fields beside them.",
      "plexiform create-data");
  std::string folder;
  bool replace = false;
  simulation::RetinaParams params;
  app.add_option("DIR", folder, "the folder to make")->required()->check(named);
  std::string layout;
  app.add_option("--layout", layout, "the layout of a published data set instead: " + layouts);
  app.add_flag("--force", replace, "replace simulated recordings that are there");
  Options options{app};
  params.describe(options);
  if (!parse(app, arguments)) return 0;
  check_ranges(params);
  print(simulation::write_retina(folder, params, replace));
  fmt::print("{} frames each of noise and a moving texture, {} x {} px at {} Hz, in {}\n", params.frames,
             simulation::screen_height, simulation::screen_width, simulation::frame_rate_hz, folder);
  return 0;
}

}  // namespace plexiform::cli

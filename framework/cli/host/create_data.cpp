// plexiform create-data DIR: simulated recordings to try the program with.
#include <cli/host/commands.h>
#include <cli/parse.h>
#include <fmt/format.h>
#include <simulation/cells.h>
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

void check_ranges(const simulation::RetinaParams& params) {
  try {
    simulation::RetinaParams checked;
    read_params(checked, write_params(params));
  } catch (const Error& e) {
    throw Error(option_name(e.where()), e.problem(), e.fix());
  }
}

void print(const std::vector<simulation::SessionSummary>& sessions) {
  fmt::print("{:<12}{:>7}{:>16}{:>16}\n", "session", "cells", "mean rate, Hz", "noise ceiling");
  for (const auto& s : sessions) {
    fmt::print("{:<12}{:>7}{:>16.1f}{:>16.3f}\n", s.name, s.cells, s.mean_rate_hz, s.median_noise_ceiling);
  }
}

}  // namespace

int create_data(const Arguments& arguments) {
  CLI::App app(
      "Writes simulated recordings of a retina that watches noise and a moving texture, and the "
      "true receptive fields beside them.",
      "plexiform create-data");
  std::string folder;
  bool replace = false;
  simulation::RetinaParams params;
  app.add_option("DIR", folder, "the folder to make")->required();
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

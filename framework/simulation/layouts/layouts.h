// Made-up recordings in the layouts of published ones: for trying a reader or an experiment without the data. A maker
// is one file in this folder and one line in layouts.cpp; what is where says the reader's header in data/.
#pragma once

#include <plexiform/params.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace plexiform::simulation {

struct LayoutSize {
  int64_t seed = 42;
  int64_t sessions = 2;
  int64_t neurons = 6;   // per session; later sessions have one more each
  int64_t trials = 4;    // of training: movie clips, or blocks of fixations; 1 where a layout has no trials
  int64_t frames = 150;  // of a training trial; images where they are flashed
  int64_t test_frames = 150;
  int64_t repeats = 3;
  int64_t height = 18, width = 16;  // px of the movie that a model sees, where the layout leaves it open
  void describe(auto& knob) {
    knob("seed", seed, {.doc = "the same seed gives the same files", .min = 0, .max = 1e9});
    knob("sessions", sessions, {.doc = "recordings", .min = 1, .max = 1e3});
    knob("neurons", neurons, {.doc = "cells of the first session; each later one has one more", .min = 1, .max = 1e5});
    knob("trials", trials, {.doc = "training trials", .min = 1, .max = 1e6});
    knob("frames", frames, {.doc = "of a training trial", .unit = "frames", .min = 1});
    knob("test_frames", test_frames, {.doc = "of the test", .unit = "frames", .min = 1});
    knob("repeats", repeats, {.doc = "how often the test is shown", .min = 1, .max = 1e4});
    knob("height", height, {.doc = "of the movie", .unit = "px", .min = 1});
    knob("width", width, {.doc = "of the movie", .unit = "px", .min = 1});
  }
};

// An experiment of configs/, and what it needs at the small size beside the layout's overrides.
struct Experiment {
  std::string config;
  std::vector<std::string> small_overrides = {};
};

struct Layout {
  std::string name;                     // "goldin_2022"
  std::string what;                     // one line for people
  LayoutSize small;                     // a second's work, a few MB at most
  LayoutSize full;                      // the shape of the published files
  std::vector<std::string> given = {};  // knobs of LayoutSize that it does not take
  // The experiments that train on it, and the overrides that lead them to it: a key of the config and what to append to the
  // folder.
  std::vector<Experiment> experiments;
  std::vector<std::pair<std::string, std::string>> paths;
  // What else the experiments need at the small size: they leave out cells that it does not have, say.
  std::vector<std::string> small_overrides;
  // Writes into an existing, empty folder. Throws Error(file, ...) when that fails.
  void (*write)(const std::string& folder, const LayoutSize& size);
};

const std::vector<Layout>& layouts();

// Throws Error("layout", ...) with the nearest name.
const Layout& layout(const std::string& name);

void write_hdf5_folder(const std::string& folder, const LayoutSize& size);
void write_maheswaranathan_2023(const std::string& folder, const LayoutSize& size);
void write_goldin_2022(const std::string& folder, const LayoutSize& size);
void write_hoefling_2024(const std::string& folder, const LayoutSize& size);
void write_karamanlis_2024(const std::string& folder, const LayoutSize& size);
void write_sensorium(const std::string& folder, const LayoutSize& size);
void write_sridhar_2025_natural_movie(const std::string& folder, const LayoutSize& size);
void write_sridhar_2025_white_noise(const std::string& folder, const LayoutSize& size);

}  // namespace plexiform::simulation

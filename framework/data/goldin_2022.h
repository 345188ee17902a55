// Recordings of Goldin et al. 2022 (mouse and axolotl ganglion cells, natural images flashed for 300 ms),
// `plexiform.data.Goldin2022`:
//   <path>/<session>.h5       as train_test_file.h says, with <type> binned; the name tells the species
// A frame is an image and T their number: one response per image, in spikes, which are divided by fr_normalization, the
// 0.3 s of a flash, to give Hz. The mean over repeats has to be the test response.
#pragma once

#include <data/recordings.h>
#include <plexiform/params.h>

#include <string>

namespace plexiform::data {

struct Goldin2022Params {
  std::string path;
  std::string stim_type = "naturalscene", response_type = "binned", specie = "mouse";
  bool normalize_stimuli = true;
  double fr_normalization = 0.3;
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder with an HDF5 file per session", .required = true});
    knob("stim_type", stim_type, {.doc = "which stimulus", .choices = {"naturalscene"}});
    knob("response_type", response_type, {.doc = "which responses", .choices = {"binned"}});
    knob("specie", specie, {.doc = "sessions of which species", .choices = {"mouse", "axolotl"}});
    knob("normalize_stimuli", normalize_stimuli,
         {.doc = "to mean 0 and s.d. 1 over each session's training images"});
    knob("fr_normalization", fr_normalization,
         {.doc = "responses and repeats are divided by it", .unit = "s", .min = 1e-12});
  }
};

// Throws Error(file or "file: /data/set", what, fix).
Recordings read_goldin_2022(const Goldin2022Params& params);

}  // namespace plexiform::data

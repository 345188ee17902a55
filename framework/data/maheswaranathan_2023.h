// Recordings of Maheswaranathan et al. 2023 (salamander ganglion cells, natural scenes and white noise, 100 Hz),
// `plexiform.data.Maheswaranathan2023`:
//   <path>/ganglion_cell_data/<session>/<any>naturalscene.h5, <any>whitenoise.h5     as train_test_file.h says
// with <type> firing_rate_5ms, firing_rate_10ms or firing_rate_20ms: rates in Hz, smoothed over that time. A session
// without a file of the stimulus is left out.
#pragma once

#include <data/recordings.h>
#include <plexiform/params.h>

#include <string>

namespace plexiform::data {

struct Maheswaranathan2023Params {
  std::string path;
  std::string stim_type = "naturalscene", response_type = "firing_rate_20ms";
  bool normalize_stimuli = true;
  double fr_normalization = 1;
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder that holds ganglion_cell_data/", .required = true});
    knob("stim_type", stim_type, {.doc = "which stimulus", .choices = {"naturalscene", "whitenoise"}});
    knob("response_type", response_type,
         {.doc = "rates smoothed over how long", .choices = {"firing_rate_5ms", "firing_rate_10ms", "firing_rate_20ms"}});
    knob("normalize_stimuli", normalize_stimuli,
         {.doc = "to mean 0 and s.d. 1 over each session's training movie"});
    knob("fr_normalization", fr_normalization, {.doc = "responses and repeats are divided by it", .min = 1e-12});
  }
};

// Throws Error(file or "file: /data/set", what, fix).
Recordings read_maheswaranathan_2023(const Maheswaranathan2023Params& params);

}  // namespace plexiform::data

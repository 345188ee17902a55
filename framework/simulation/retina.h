// A data set of simulated recordings: sessions, each of its own cells, that watched the same movies.
// For trying the program without data of one's own, and for testing that a trained model finds what
// is there. Layout, units and axes are those of data/hdf5_folder.h:
//   stimuli/{noise,texture,test_noise,test_texture}.npy   (1, T, H, W) uint8
//   retina_<k>.h5
//     responses_{noise,texture}             (N, T) uint8, spikes per frame
//     repeats_{test_noise,test_texture}     (R, N, T) uint8
//     responses_{test_noise,test_texture}   (N, T) float32, their mean
//     session_info/frame_rate_hz; cell_type (N) int64; position (N, 2), row and column in px
//   ground_truth/retina_<k>.h5
//     spatial_filters (N, H, W), temporal_filters (N, L), centers (N, 2), gain (N), threshold (N):
//     the fields of Cells, float64
//     rates_{test_noise,test_texture}           (N, T) float64, expected spikes per frame
//     noise_ceiling_{test_noise,test_texture}   (N) float64
//   simulation.json                         the parameters
#pragma once

#include <plexiform/params.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plexiform::simulation {

struct RetinaParams {
  int64_t seed = 42, sessions = 3, neurons = 24, frames = 9000, test_frames = 450, repeats = 30;
  void describe(auto& knob) {
    knob("seed", seed, {.doc = "the same seed gives the same files", .min = 0, .max = 1e9});
    knob("sessions", sessions, {.doc = "recordings, each of its own cells", .min = 1, .max = 1e3});
    knob("neurons", neurons, {.doc = "cells per session, on average", .min = 1, .max = 1e5});
    knob("frames", frames, {.doc = "length of each of the two training movies", .unit = "frames", .min = 1});
    knob("test_frames", test_frames, {.doc = "length of each of the two test movies", .unit = "frames", .min = 1});
    knob("repeats", repeats, {.doc = "how often the test movies are shown", .min = 2, .max = 1e4});
  }
};

// What was written of one session.
struct SessionSummary {
  std::string name;
  int64_t cells = 0;
  double mean_rate_hz = 0;          // over cells and training frames
  double median_noise_ceiling = 0;  // over cells, of the mean over the test movies
};

// Writes the data set; `folder` appears when it is complete. With `replace`, an older data set of
// this function is removed then. Throws Error when `folder` is there and is not empty (with
// `replace`: and is not such a data set), or cannot be written.
std::vector<SessionSummary> write_retina(const std::string& folder, const RetinaParams& params, bool replace = false);

}  // namespace plexiform::simulation

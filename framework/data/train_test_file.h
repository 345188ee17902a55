// A recording as an HDF5 file that keeps training and test apart, as two published data sets have it:
//   train/stimulus, test/stimulus                   (T, H, W), one channel
//   train/response/<type>, test/response/<type>     (N, T)
//   test/repeats/<type>                             (R, N, T), or
//   test/repeats/cell<k>                            (R, T) for each cell, in the order of k; both may be left out
#pragma once

#include <data/shared_movies.h>

#include <string>

namespace plexiform::data {

struct TrainTestFile {
  std::string file, session;
  std::string stimulus;       // the training stimulus' name; the test's is "test"
  std::string response_type;  // <type>
  double divisor = 1;         // of responses and repeats
  bool normalised = true;     // stimuli
  // Whether the mean over repeats has to be the test response: the same numbers, binned once.
  bool repeats_are_responses = false;
};

// Throws Error(file or "file: /data/set", what, fix).
Session read_train_test_file(const TrainTestFile& what, SharedMovies& movies);

}  // namespace plexiform::data

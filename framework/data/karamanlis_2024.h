// Recordings of Karamanlis et al. 2024 (mouse and marmoset ganglion cells, natural images under a moving gaze, 75 Hz),
// `plexiform.data.Karamanlis2024`:
//   <path>/<session>/<any><stim_type>_data.mat     MATLAB 7.3, which is HDF5; the folder's name tells the species
//     runningImages, frozenImages     (n, columns, rows) grey values
//     runningfixations                (trials, T, 3) image, counted from 1, x, y; of each frame
//     frozenfixations                 (T', 3)
//     runningbin                      (trials, T, N) spikes per frame
//     frozenbin                       (R, T', N)
// The movies are drawn once (gaze_movie.h) and kept beside the file, <file>_movie_<H>x<W>_<key>_{train,test}.npy, as
// int16 in 1/128 of a grey value where the images are uint8, else as float32; they are mapped, not read. Where nothing
// can be written they stay in memory. A session without a file of the stimulus is left out.
#pragma once

#include <data/recordings.h>
#include <plexiform/params.h>

#include <string>
#include <vector>

namespace plexiform::data {

struct Karamanlis2024Params {
  std::string path;
  std::string stim_type = "fixationmovie", specie = "mouse";
  std::vector<int64_t> downsampled_size = {60, 80};
  bool normalize_stimuli = true;
  double fr_normalization = 1;
  bool wrapped = false;  // no knob: compat: openretina says true (gaze_movie.h)
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder with a folder per session", .required = true});
    knob("stim_type", stim_type,
         {.doc = "which stimulus",
          .choices = {"fixationmovie", "frozencheckerflicker", "gratingflicker", "imagesequence"}});
    knob("specie", specie, {.doc = "sessions of which species", .choices = {"mouse", "marmoset"}});
    knob("downsampled_size", downsampled_size, {.doc = "[height, width] of the movie", .unit = "px", .min = 1});
    knob("normalize_stimuli", normalize_stimuli, {.doc = "to mean 0 and s.d. 1 over each session's training movie"});
    knob("fr_normalization", fr_normalization, {.doc = "responses are divided by it", .min = 1e-12});
  }
};

// Throws Error(file or "file: /data/set", what, fix).
Recordings read_karamanlis_2024(const Karamanlis2024Params& params);

}  // namespace plexiform::data

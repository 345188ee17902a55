// Recordings of Sridhar et al. 2025 (marmoset ganglion cells, 85 Hz), `plexiform.data.Sridhar2025`; a session is a
// retina, "01" to "04".
//   <path>/<files[retina]>         a pickled dict: train_responses (N, T, trials), test_responses (N, T', R) or (N, T'),
//                                  spikes per frame; optional: seeds, a list, and trial_separation, {seed: its trials}
//   <path>/<sta_dir>/cell_data_<retina>_WN_stas_cell_<k>.npy      (lags, rows, columns) spike-triggered averages
// Natural movie, each frame a part of a still image:
//   <path>/<img_dir_name>/*<frame_file>*.npy    (columns, rows) grey values, sorted by name; `padding` px around each
//   <path>/<fixation_files[retina]>             a line per frame, numbers between blanks: the image first, x and y fourth
//                                               and fifth, 0 last when it is turned upside down. The first 5100 are the
//                                               test's, T follow for each trial
// White noise, mapped, not read:
//   <path>/<train_image_path[retina]>/trial_<kkk>/all_images.npy  (rows, columns, T)
//   <path>/<test_image_path[retina]>/all_images.npy               (rows, columns, T')
// Frames lose `crop` px at each side and keep every `subsample`-th pixel; grey values of movies are divided by 255.
// Session::info gets cell_indices (N); locations (N, 2), the row and column of the pixel of each average, cropped, that
// varies most over the lags; and positions, the same from -1 to 1. For movies the averages are turned upside down.
#pragma once

#include <config/node.h>
#include <data/recordings.h>
#include <plexiform/params.h>

#include <map>
#include <string>
#include <vector>

namespace plexiform::data {

template <class T>
struct ByRetina : std::map<std::string, T> {
  static const char* type_name() { return "mapping from retinas to values"; }
};

struct Borders {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  static const char* type_name() { return "a width, or [top, bottom, left, right]"; }
};
void from_json(const Json& json, Borders& borders);
void to_json(Json& json, const Borders& borders);

struct Sridhar2025Params {
  std::string path, stimulus;
  ByRetina<std::string> files, fixation_files, train_image_path, test_image_path;
  ByRetina<Borders> big_crops;
  std::optional<ByRetina<std::vector<int64_t>>> excluded_cells;
  std::optional<std::string> retina_index;
  std::optional<int64_t> cell_index, img_h, img_w, channels, height, width;
  Borders crop;
  bool retina_specific_crops = true, flip_imgs = false, get_locations = true;
  std::string frame_file = "_img_", img_dir_name = "stimuli_padded_4", sta_dir = "stas";
  int64_t full_img_h = 300, full_img_w = 350, padding = 50, subsample = 1, stimulus_seed = 0, extra_frame = 0;
  void describe(auto& knob) {
    knob("path", path, {.doc = "folder that holds responses and stimuli", .required = true});
    knob("stimulus", stimulus, {.doc = "which", .choices = {"natural_movie", "white_noise"}, .required = true});
    knob("files", files, {.doc = "responses", .required = true});
    knob("fixation_files", fixation_files, {.doc = "of a movie: what each frame shows"});
    knob("train_image_path", train_image_path, {.doc = "of noise: folder of the trials"});
    knob("test_image_path", test_image_path, {.doc = "of noise: folder of the test"});
    knob("retina_index", retina_index, {.doc = "read this one alone; null: all"});
    knob("cell_index", cell_index, {.doc = "read this one alone; null: all but the excluded ones", .min = 0});
    knob("excluded_cells", excluded_cells, {.doc = "cells to leave out; null: none"});
    knob("stimulus_seed", stimulus_seed, {.doc = "where trials of several seeds are stored: use its trials alone"});
    knob("img_dir_name", img_dir_name, {.doc = "folder of the images"});
    knob("frame_file", frame_file, {.doc = "what is in the name of an image's file"});
    knob("full_img_h", full_img_h, {.doc = "rows of an image, with padding", .unit = "px", .min = 1});
    knob("full_img_w", full_img_w, {.doc = "columns of an image, with padding", .unit = "px", .min = 1});
    knob("img_h", img_h, {.doc = "rows of the screen; null: full_img_h - 3 padding", .unit = "px", .min = 1});
    knob("img_w", img_w, {.doc = "columns of the screen; null: full_img_w - 3 padding", .unit = "px", .min = 1});
    knob("padding", padding, {.doc = "around an image; 0: the image is the screen", .unit = "px", .min = 0});
    knob("flip_imgs", flip_imgs, {.doc = "turn those frames that the fixations do not turn"});
    knob("big_crops", big_crops, {.doc = "cut off the screen: top, bottom, left, right", .unit = "px"});
    knob("retina_specific_crops", retina_specific_crops, {.doc = "use big_crops, not crop"});
    knob("crop", crop, {.doc = "the same for all retinas", .unit = "px"});
    knob("subsample", subsample, {.doc = "keep every n-th pixel", .min = 1});
    knob("extra_frame", extra_frame,
         {.doc = "responses are that much later than the noise", .unit = "frames", .min = 0});
    knob("get_locations", get_locations, {.doc = "read the spike-triggered averages"});
    knob("sta_dir", sta_dir, {.doc = "folder of the spike-triggered averages"});
    knob("channels", channels, {.doc = "to insist on", .min = 1});
    knob("height", height, {.doc = "of a frame, to insist on", .unit = "px", .min = 1});
    knob("width", width, {.doc = "of a frame, to insist on", .unit = "px", .min = 1});
  }
};

// Throws Error(file, "file: what" or a knob, what, fix).
Recordings read_sridhar_2025(const Sridhar2025Params& params);

// The knobs' names: openretina's configs have most of them in the loader (trial_loader.h).
std::vector<std::string> sridhar_2025_knobs();

// The knobs above from openretina's functions of stimuli and responses ...
config::Node join_sridhar(const config::Node& stimuli, const config::Node& responses);
// ... and, those that are not there, from its loader.
config::Node with_loader_knobs(const config::Node& data_io, const config::Node& root);

}  // namespace plexiform::data

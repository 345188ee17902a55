// Spike-triggered averages, and the fixed filters of a spatial contrast model that are made of them.
// Notation  F bins (the last is that of the spike), H x W pixels, row 0 on top; x columns, y rows, both from 0, in px.
// Source    Liu et al. 2022, PLoS Comput Biol 18:e1009925 (spatial contrast model); the choices that it leaves open (which
//           frame is fitted, from where, within what bounds) are openretina 1.1.1's.
#pragma once

#include <ATen/core/Tensor.h>
#include <data/recordings.h>
#include <plexiform/params.h>

#include <cstdint>
#include <optional>
#include <string>

namespace plexiform::data {

// A exp(-(a dx^2 + 2 b dx dy + c dy^2)) with dx = x - cx, dy = y - cy and
//   a = cos^2(theta) / (2 sx^2) + sin^2(theta) / (2 sy^2),   c the same with sx and sy exchanged,
//   b = sin(2 theta) (1 / (4 sx^2) - 1 / (4 sy^2)).
struct Gaussian2d {
  double cx = 0, cy = 0, sx = 1, sy = 1, theta = 0, amplitude = 0;

  at::Tensor values(int64_t height, int64_t width) const;  // (H, W) float64
  // Whether a pixel lies within `n` standard deviations of the centre: (H, W) bool.
  at::Tensor inside(int64_t height, int64_t width, double n) const;
};

// The least-squares fit to a frame (H, W), which starts at the largest |value| with deviations of min(H, W) / 6 px.
// Bounds: the centre in the frame, 0.5 <= sx <= W, 0.5 <= sy <= H.
// Nothing when it does not converge, or the frame is smaller than 3 px.
std::optional<Gaussian2d> fit_gaussian(const at::Tensor& frame);

struct StaFilters {
  at::Tensor spatial;   // (H, W) float32, of norm 1: the fit within sigma_contour deviations, never negative
  at::Tensor temporal;  // (K) float32, of norm 1: the average at the fit's centre; the sign of an OFF cell is here
  double center_x = 0, center_y = 0;
};

// Of an average (F, H, W): the fit is to the frame that varies most over space. An average that is not finite gives filters
// of zeros, as a cell without spikes has.
//   last_bins  K: so many of the temporal filter, at most F; nothing: F
StaFilters sta_filters(const at::Tensor& sta, std::optional<int64_t> last_bins = {}, double sigma_contour = 3);

// An average (F, H, W) from a .npy; with `flip` columns are turned round, and what is larger than height x width is cropped
// to its middle. Throws Error when it is smaller, or has other axes.
at::Tensor read_sta(const std::string& file, bool flip, int64_t height, int64_t width);

// Where the averages of all sessions' neurons lie, one file each, and how their filters are cut: the `sta_filters` node at
// the top level of a config.
struct StaFilterParams {
  std::string folder, pattern = "cell_data_{retina_index}_WN_stas_cell_{cell_index}.npy";
  bool flip = false;
  std::optional<int64_t> last_bins;
  double sigma_contour = 3;
  std::optional<std::vector<int64_t>> crop;
  void describe(auto& knob) {
    knob("folder", folder, {.doc = "folder of the averages", .required = true});
    knob("pattern", pattern,
         {.doc = "their names; {retina_index}: the session, {cell_index}: its cell_indices, or 0, 1, ..."});
    knob("flip", flip, {.doc = "turn columns round"});
    knob("last_bins", last_bins, {.doc = "length of the temporal filters; null: all", .unit = "bins", .min = 1});
    knob("sigma_contour", sigma_contour,
         {.doc = "s.d. of the fitted Gaussian that count as receptive field", .min = 0});
    knob("crop", crop, {.doc = "rows and columns around its centre that count; null: all", .unit = "px", .min = 1});
  }
};

// Gives each session's info `spatial_filters` (N, H, W) and `temporal_filters` (N, K). Throws Error for a missing or
// unfitting file, and when the averages of a session differ in their number of bins.
void add_sta_filters(Recordings& recordings, const StaFilterParams& params);

}  // namespace plexiform::data

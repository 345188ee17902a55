// Spike-triggered averages, and the fixed filters of a spatial contrast model that are made of them.
// Notation  F bins (the last is that of the spike), H x W pixels, row 0 on top; x columns, y rows, both from 0, in px.
// Source    Liu et al. 2022, PLoS Comput Biol 18:e1009925 (spatial contrast model); the choices that it leaves open (which
//           frame is fitted, from where, within what bounds) are openretina 1.1.1's.
#pragma once

#include <ATen/core/Tensor.h>

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
// Bounds: the centre in the frame, 0.5 <= sx <= W, 0.5 <= sy <= H, |theta| <= pi.
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

}  // namespace plexiform::data

// Ganglion cells whose receptive fields are known: linear filter, nonlinearity, Poisson spikes.
//   drive_n(t) = sum_{l,y,x} temporal_n(l) spatial_n(y, x) contrast(t - l, y, x)
//   rate_n(t)  = gain_n softplus(drive_n(t) - threshold_n)
// The screen is grey (contrast 0) before the first frame.
// Notation  N cells, R repeats, T frames, L lags (0: the same frame), H x W pixels, row 0 on top.
// Sources   the cascade: Chichilnisky 2001, Network 12:199; center and surround as a difference of
//           Gaussians: Rodieck 1965, Vision Res. 5:583; time course as a difference of low-pass
//           cascades: Chichilnisky & Kalmar 2002, J. Neurosci. 22:2737.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plexiform::simulation {

constexpr int64_t screen_height = 20, screen_width = 24;  // px
constexpr int64_t lags = 15;
constexpr double frame_rate_hz = 30;

// float64 except `type`.
struct Cells {
  at::Tensor type;       // (N) int64, index into cell_type_names()
  at::Tensor centers;    // (N, 2) row, column in px; (0, 0) is the middle of the first pixel
  at::Tensor spatial;    // (N, H, W), sum of squares 1, positive in the center
  at::Tensor temporal;   // (N, L), begins positive for ON, negative for OFF; its norm is the
                         // standard deviation of the drive in binary noise
  at::Tensor gain;       // (N) spikes per frame
  at::Tensor threshold;  // (N)
};

// ON and OFF of a transient, a sustained and a slow type.
const std::vector<std::string>& cell_type_names();

// The types in turn. Centers are anywhere but within 4 px of the border; sizes, time courses, gains
// and thresholds differ from cell to cell.
Cells draw_cells(int64_t count, at::Generator random);

// (1, T, H, W) uint8 -> (N, T) expected spikes per frame.
at::Tensor spike_rates(const Cells& cells, const at::Tensor& movie);

// (N, T) -> (R, N, T) uint8.
at::Tensor draw_spikes(const at::Tensor& rates, int64_t repeats, at::Generator random);

// The correlation that the true rate itself is expected to have with the mean over R repeats, and
// so the best that a model can reach:
//   ceiling_n = sqrt(V_n / (V_n + M_n / R))
// with V the variance of rate_n over time and M its mean, which is the variance of a Poisson count.
// This is CC_max of Schoppe et al. 2016, Front. Comput. Neurosci. 10:10, for known signal and noise
// power. From the repeats y_r alone, and their mean Y, it is estimated as
//   sqrt((R Var_t(Y) - mean_r Var_t(y_r)) / ((R - 1) Var_t(Y)))
// (N, T) -> (N); 0 for a rate that is constant.
at::Tensor noise_ceiling(const at::Tensor& rates, int64_t repeats);

}  // namespace plexiform::simulation

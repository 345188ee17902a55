// Of how many frequencies the factored convolution is made in the frequency domain (frequency.h).
#pragma once

#include <algorithm>

#include "factored.h"

namespace plexiform::factored {

// The next length, from n on, that has the factors 2, 3 and 5 alone.
inline int64_t fourier_length(int64_t n) {
  for (;; ++n) {
    int64_t rest = n;
    for (const int64_t factor : {2, 3, 5}) {
      while (rest % factor == 0) rest /= factor;
    }
    if (rest == 1) return n;
  }
}

// Numbers, of float 64 MB, that pass through memory together; more where two pairs of samples have more.
constexpr int64_t most_in_memory = int64_t{16} << 20;

// Numbers, of float 512 MB, of the transforms of kernels: of more, layers with many channels are not made in frequency.
constexpr double most_of_kernels = 1 << 27;

struct Spectrum {
  static constexpr int64_t longest = 128;  // over time: lines of all lanes stay in the cache

  int64_t pieces;                 // in which a sample is taken; they overlap in what they need of the input
  int64_t in_frames, out_frames;  // of a piece
  int64_t times, heights, widths;

  // Frequencies of a frame that tell all others, since frames are real.
  int64_t of_real_frame() const {
    const int64_t own_mirrors = widths % 2 == 0 ? 2 : 1;
    return own_mirrors * (heights / 2 + 1) + (widths / 2 + 1 - own_mirrors) * heights;
  }
};

// Lengths at which nothing wraps around that is looked at. The gradient of the input is not made in pieces.
inline Spectrum spectrum(const Problem& p, bool input_gradient) {
  auto length = [](int64_t in, int64_t before, int64_t after, int64_t out, int64_t kernel) {
    return fourier_length(std::max({in + std::max(before, after), out, kernel}));
  };
  Spectrum s = {1,
                p.time,
                p.out_time(),
                length(p.time, p.time_before, p.time_after, p.out_time(), p.bins),
                length(p.height, p.rows_before, p.rows_after, p.out_height(), p.rows),
                length(p.width, p.columns_before, p.columns_after, p.out_width(), p.columns)};
  if (input_gradient) return s;
  const auto in_pieces = [&](int64_t pieces) {
    const int64_t out_frames = (p.out_time() + pieces - 1) / pieces, in_frames = out_frames + p.bins - 1;
    Spectrum cut = s;
    cut.pieces = pieces, cut.out_frames = out_frames, cut.in_frames = in_frames, cut.times = fourier_length(in_frames);
    return cut;
  };
  const int64_t most = fourier_length(std::max<int64_t>(64, 4 * p.bins)) - p.bins + 1;
  const int64_t fewest = (p.out_time() + most - 1) / most;
  if (s.times > Spectrum::longest && fewest > 1) s = in_pieces(fewest);
  // Two pieces are a pair: one more, where that is fewer frames to transform.
  const auto frames = [&](const Spectrum& cut) { return (p.batch * cut.pieces + 1) / 2 * cut.times; };
  if (p.out_time() <= s.pieces) return s;
  const Spectrum other = in_pieces(s.pieces + 1);
  return frames(other) < frames(s) ? other : s;
}

}  // namespace plexiform::factored

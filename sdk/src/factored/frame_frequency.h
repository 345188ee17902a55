// One output frame of a movie that comes frame by frame, in frequency: each frame is transformed once, when it comes, and
// its spectrum is kept. What the temporal kernel makes of the kept ones is multiplied by the transform of the spatial kernel,
// and the sum over inputs transformed back. See factored.h, and frequency.h for movies.
// Frames are real, so of the frequencies (v, w) of height and width those with w <= n_w / 2 say all, and those with
// v <= n_h / 2 where w is its own mirror image. N of them at a time are a tile.
// A ring of spectra: [tile][i][bin][frequency][re, im]
#pragma once

#include "fourier.h"
#include "packing.h"
#include "spectrum.h"

namespace plexiform::factored {
namespace {

template <class V>
struct FrameInFrequency {
  using C = Complex<V>;
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes, P2 = 2 * L;
  static constexpr int N = V::tile < 8 ? 1 : V::tile / 4;  // each takes two complex sums

  explicit FrameInFrequency(const Job<Real>& own) : job(own), p(own.problem) {
    int64_t at = roots_w + aligned(2 * n_w);
    auto place = [&](int64_t count) { return std::exchange(at, at + aligned(count)); };
    time = place(blocks * p.inputs * p.bins * L), space = place(tiles * blocks * p.inputs * N * P2);
    none = place(2 * P2), line = place(2 * larger(n_h, n_w) * P2), row = place(larger(n_h, n_w) * P2);
    in_plane = place(larger(half(p.height) * p.width, half(p.rows) * p.columns) * P2);
    out_plane = place(half(H1) * W1 * P2);
    columns = place((n_w / 2 + 1) * larger(p.height, larger(H1, p.rows)) * P2);
    frequencies = place(tiles * N * P2);
    end = at;
  }

  int64_t workspace_size() const { return end; }
  int64_t maps_size() const { return tiles * p.inputs * p.bins * 2 * N; }

  void prepare() const {
    Real* const work = job.workspace;
    fill_roots(work + roots_h, n_h), fill_roots(work + roots_w, n_w);
    clear(work + none, P2), clear(work + frequencies, tiles * N * P2);
    pack<V>(job.temporal, work + time, p.outputs, p.inputs, p.bins);
    const Real scale = Real(0.25) / static_cast<Real>(n_h * n_w);  // what to_frequencies makes is twice the transform
    const V real = V::broadcast(&scale), imaginary = V::minus(V::zero(), real);
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t i = 0; i < p.inputs; ++i) {
        clear(work + in_plane, half(p.rows) * p.columns * P2);
        to_plane(job.spatial + (block * L * p.inputs + i) * p.rows * p.columns, p.inputs * p.rows * p.columns,
                 smaller(L, p.outputs - block * L), p.rows, p.columns);
        to_frequencies(p.rows, p.columns);
        for (int64_t f = 0; f < tiles * N; ++f) {  // conjugate: a correlation
          const C value = C::load(work + frequencies + f * P2);
          C{V::times(value.re, real), V::times(value.im, imaginary)}.store(of_space(f / N, block) +
                                                                           (i * N + f % N) * P2);
        }
      }
    }
    clear(work + in_plane, half(p.height) * p.width * P2);  // rows without another half
  }

  // job.input: (I, H, W); its spectrum into `bin` of the ring.
  void push(int64_t bin) const {
    const int64_t Q = p.height * p.width;
    for (int64_t first = 0; first < p.inputs; first += L) {
      const int64_t count = smaller(L, p.inputs - first);
      to_plane(job.input + first * Q, Q, count, p.height, p.width);
      to_frequencies(p.height, p.width);
      for (int64_t tile = 0; tile < tiles; ++tile)
        transpose<V>(job.workspace + frequencies + tile * N * P2, L, kept(tile, first) + bin * 2 * N, p.bins * 2 * N,
                     2 * N, count);
    }
  }

  // job.output: (O, H', W') of the bin that ends with `newest`.
  void sum(int64_t newest) const {
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t tile = 0; tile < tiles; ++tile) of_tile(tile, block, newest);
      from_frequencies();
      from_plane(job.output + block * L * H1 * W1, smaller(L, p.outputs - block * L));
    }
  }

 private:
  static int64_t half(int64_t rows) { return (rows + 1) / 2; }
  bool own_mirror(int64_t w) const { return w == 0 || 2 * w == n_w; }
  // Where the frequencies (.., w) begin.
  int64_t first_of(int64_t w) const { return w == 0 ? 0 : n_h / 2 + 1 + (w - 1) * n_h; }
  Real* kept(int64_t tile, int64_t i) const { return job.maps + (tile * p.inputs + i) * p.bins * 2 * N; }
  Real* of_space(int64_t tile, int64_t block) const {
    return job.workspace + space + (tile * blocks + block) * p.inputs * N * P2;
  }

  // Rows r and half + r of maps are the real and the imaginary part of one: [r][w][re, im][lane].
  void to_plane(const Real* maps, int64_t apart, int64_t count, int64_t rows, int64_t width) const {
    const int64_t pixels = half(rows) * width;
    transpose<V>(maps, apart, job.workspace + in_plane, P2, count, pixels);
    transpose<V>(maps + pixels, apart, job.workspace + in_plane + L, P2, count, rows * width - pixels);
  }
  void from_plane(Real* maps, int64_t count) const {
    const int64_t pixels = half(H1) * W1;
    transpose<V>(job.workspace + out_plane, P2, maps, H1 * W1, pixels, count);
    transpose<V>(job.workspace + out_plane + L, P2, maps + pixels, H1 * W1, H1 * W1 - pixels, count);
  }
  void to_frequencies(int64_t rows, int64_t width) const {
    Real* const work = job.workspace;
    for (int64_t r = 0; r < half(rows); ++r) {
      fourier<V, true>(along_w, Line<const Real>{work + in_plane + r * width * P2, P2, width, 0, work + none},
                       Line<Real>{work + row, P2, n_w}, work + line);
      for (int64_t w = 0; w <= n_w / 2; ++w) {  // the two rows apart
        const C a = C::load(work + row + w * P2), b = C::load(work + row + (w ? n_w - w : 0) * P2);
        Real* const to = work + columns + (w * rows + r) * P2;
        C{V::plus(a.re, b.re), V::minus(a.im, b.im)}.store(to);
        if (r + half(rows) < rows) C{V::plus(a.im, b.im), V::minus(b.re, a.re)}.store(to + half(rows) * P2);
      }
    }
    for (int64_t w = 0; w <= n_w / 2; ++w)
      fourier<V, true>(
          along_h, Line<const Real>{work + columns + w * rows * P2, P2, rows, 0, work + none},
          Line<Real>{work + frequencies + first_of(w) * P2, P2, own_mirror(w) ? n_h / 2 + 1 : n_h, 0, work + none + P2},
          work + line);
  }

  void from_frequencies() const {
    Real* const work = job.workspace;
    for (int64_t w = 0; w <= n_w / 2; ++w) {
      const Real* from = work + frequencies + first_of(w) * P2;
      if (own_mirror(w)) {
        for (int64_t v = 0; v < n_h; ++v) {
          const C value = C::load(from + (2 * v <= n_h ? v : n_h - v) * P2);
          C{value.re, 2 * v <= n_h ? value.im : V::minus(V::zero(), value.im)}.store(work + row + v * P2);
        }
        from = work + row;
      }
      fourier<V, false>(along_h, Line<const Real>{from, P2, n_h},
                        Line<Real>{work + columns + w * H1 * P2, P2, H1, p.rows_before, work + none + P2}, work + line);
    }
    for (int64_t r = 0; r < half(H1); ++r) {
      for (int64_t w = 0; w <= n_w / 2; ++w) {  // two rows as one
        const Real* const from = work + columns + (w * H1 + r) * P2;
        const C a = C::load(from), b = r + half(H1) < H1 ? C::load(from + half(H1) * P2) : C::zero();
        C{V::minus(a.re, b.im), V::plus(a.im, b.re)}.store(work + row + w * P2);
        if (!own_mirror(w)) C{V::plus(a.re, b.im), V::minus(b.re, a.im)}.store(work + row + (n_w - w) * P2);
      }
      fourier<V, false>(along_w, Line<const Real>{work + row, P2, n_w},
                        Line<Real>{work + out_plane + r * W1 * P2, P2, W1, p.columns_before, work + none + P2},
                        work + line);
    }
  }

  // y = sum_i s[i] sum_j t[i,j] x[i,j], of the tile's frequencies.
  void of_tile(int64_t tile, int64_t block, int64_t newest) const {
    C y[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) y[n] = C::zero();
    const Real *x = kept(tile, 0), *s = of_space(tile, block);
    const Real* t = job.workspace + time + block * p.inputs * p.bins * L;
    for (int64_t i = 0; i < p.inputs; ++i, x += p.bins * 2 * N, s += N * P2) {
      C z[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) z[n] = C::zero();
      auto add = [&](int64_t bin) __attribute__((always_inline)) {
        V weight = V::load(t);
        weight.pin();
        const Real* const of_bin = x + bin * 2 * N;
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          z[n].re = V::fma(weight, V::broadcast(of_bin + 2 * n), z[n].re);
          z[n].im = V::fma(weight, V::broadcast(of_bin + 2 * n + 1), z[n].im);
        }
        t += L;
      };
      for (int64_t bin = newest + 1; bin < p.bins; ++bin) add(bin);  // the oldest first
      for (int64_t bin = 0; bin <= newest; ++bin) add(bin);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        const C factor = C::load(s + n * P2);
        y[n].re = V::fnma(z[n].im, factor.im, V::fma(z[n].re, factor.re, y[n].re));
        y[n].im = V::fma(z[n].im, factor.re, V::fma(z[n].re, factor.im, y[n].im));
      }
    }
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) y[n].store(job.workspace + frequencies + (tile * N + n) * P2);
  }

  const Job<Real>& job;
  const Problem& p;
  const int64_t H1 = p.out_height(), W1 = p.out_width();
  const Spectrum size = spectrum(p, /*input_gradient=*/false);
  const int64_t n_h = size.heights, n_w = size.widths, roots_h = 0, roots_w = aligned(2 * n_h);
  const Fourier<Real> along_h = {n_h, job.workspace},
                      along_w = {n_w, job.workspace ? job.workspace + roots_w : nullptr};
  const int64_t tiles = (size.of_real_frame() + N - 1) / N, blocks = (p.outputs + L - 1) / L;
  // Where they lie in the workspace.
  int64_t time, space, none, line, row, in_plane, out_plane, columns, frequencies, end;
};

}  // namespace
}  // namespace plexiform::factored

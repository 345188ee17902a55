// The factored convolution in the frequency domain. See factored.h.
// On frequencies (u,v,w) of time, height and width, and with E the transforms with exp(+2 pi i ..) of the kernels, over n_t n_h n_w,
//   forward    Y[o] = sum_i X[i] E_t[o,i,u] E_s[o,i,v,w]         E = conj of the kernel's own: y is a correlation
//   backward   dX[i] = sum_o dY[o] conj(E_t E_s)                  G[o,i] = sum_b X[i] conj(dY[o])
//              dE_s[v,w] = sum_u G E_t                            dE_t[u] = sum_v,w G E_s       then back from frequencies
// Two samples, or pieces of one or two, are transformed as one complex number, a + i b: kernels are real, so Y is that of a and
// of b, and the real part of what comes back from G is the sum over both. Lengths are such that nothing wraps around that is
// looked at.
//
// What passes through memory is transformed along width alone, and holds only the rows and frames that there are; what follows
// happens in the cache. Parts are teams, each with groups of pairs of its own, or one team; a group's stages are
//   rows of x, and dy, to frequencies of width    for each of those: height, time, the product, and back    rows of y, or dx, back
// In memory: [w][block of lanes][t][h][re, im][lane]; a lane is a pair's channel.
#pragma once

#include "fourier.h"
#include "packing.h"
#include "spectrum.h"

namespace plexiform::factored {
namespace {

// The channels of pairs of samples as lanes.
struct Lanes {
  int64_t channels, apart;  // numbers from one pair to the next
  int64_t lanes;

  // Together in a block where they fit, else in blocks of their own.
  static Lanes shared(int64_t channels, int64_t lanes) {
    int64_t apart = 1;
    while (apart < channels && apart < lanes) apart *= 2;
    return {channels, channels > lanes ? (channels + lanes - 1) / lanes * lanes : apart, lanes};
  }
  static Lanes own(int64_t channels, int64_t lanes) {
    return {channels, (channels + lanes - 1) / lanes * lanes, lanes};
  }
  int64_t blocks(int64_t pairs) const { return (pairs * apart + lanes - 1) / lanes; }
  int64_t pairs_of_block() const { return apart < lanes ? lanes / apart : 1; }
  int64_t blocks_of_pair() const { return apart < lanes ? 1 : apart / lanes; }
  // Where the first channel of a pair lies, in numbers, with [re, im][lane] for each block.
  int64_t at(int64_t pair) const {
    return apart < lanes ? pair * apart / lanes * 2 * lanes + pair * apart % lanes : pair * 2 * apart;
  }
};

template <class V>
struct InFrequency {
  using C = Complex<V>;
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes, P2 = 2 * L;

  explicit InFrequency(const Job<Real>& job) : job(job), p(job.problem) {
    int64_t at = roots_w + aligned(2 * n_w);
    auto place = [&](int64_t count) { return std::exchange(at, at + aligned(count)); };
    time = place(n_t * kernels), space = place(n_h * n_w * kernels);
    if (job.input_gradient) time_transposed = place(n_t * transposed), space_transposed = place(n_h * n_w * transposed);
    if (job.temporal_gradient) {
      space_gradient = place(teams * n_h * n_w * kernels), time_gradient = place(job.parts * n_t * kernels);
    }
    x_rows = place(teams * x_rows_size());  // X, and dX in its place
    y_rows = place(teams * y_rows_size());
    scratch = at;
    none = 0, line = none + aligned(2 * P2);
    band = line + aligned(2 * larger(n_t, larger(n_h, n_w)) * P2);
    plane = band + aligned(larger(band_rows(W) * W, larger(band_rows(W1) * W1, kw)) * P2);
    x_plane = plane + aligned(kh * n_w * P2);
    y_plane = x_plane + aligned(n_h * apart(x.blocks(group) * T));
    x_lines = y_plane + aligned(n_h * apart(y.blocks(group) * T1));
    y_lines = x_lines + aligned(n_t * P2 * x.blocks(group));
    dx_lines = y_lines + aligned(n_t * P2 * y.blocks(group));
    scratch_size = dx_lines + aligned(job.input_gradient ? n_t * P2 * x.blocks(group) : 0);
  }

  int64_t workspace_size() const { return scratch + job.parts * scratch_size; }

  void prepare() const {
    fill_roots(job.workspace, n_t), fill_roots(job.workspace + roots_h, n_h);
    fill_roots(job.workspace + roots_w, n_w);
  }

  void finish() const {}
  int stages() const { return static_cast<int>(1 + 3 * groups + (backwards() ? 1 : 0)); }
  bool backwards() const { return job.output_gradient; }

  void run(int stage, int part) const {
    if (stage == 0) return of_kernels(part);
    if (stage == 1 + 3 * groups) return of_gradients(part);
    const Group g = group_of(part, (stage - 1) / 3);
    if (g.pairs <= 0) return;
    const Movie shown = {x, in_frames, H, W, 0}, made = {y, out_frames, H1, W1, p.columns_before};
    switch ((stage - 1) % 3) {
      case 0:
        rows_to_frequencies(part, g, job.input, shown, own_x_rows(g));
        if (backwards()) rows_to_frequencies(part, g, job.output_gradient, made, own_y_rows(g));
        return;
      case 1:
        return product(part, g);
      default:
        if (!backwards()) {
          rows_from_frequencies(part, g, own_y_rows(g), made, job.output);
        } else if (job.input_gradient) {
          rows_from_frequencies(part, g, own_x_rows(g), shown, job.input_gradient);
        }
    }
  }

 private:
  struct Group {
    int64_t first, samples, pairs;  // sample k and sample pairs + k are a pair
    int64_t team;
    bool begins;  // the team's first
    int member, members;
  };
  Group group_of(int part, int64_t k) const {
    const int members = job.parts / teams, team = part / members;
    const Range own = share(pairs, team, teams);
    const int64_t first = own.first + k * group, count = smaller(group, own.last - first);
    return {2 * first, smaller(2 * count, p.batch * pieces - 2 * first), count, team, k == 0, part % members, members};
  }
  int64_t x_rows_size() const { return n_w * x.blocks(group) * T * H * P2; }
  int64_t y_rows_size() const { return n_w * y.blocks(group) * T1 * H1 * P2; }
  Real* own_x_rows(const Group& g) const { return job.workspace + x_rows + g.team * x_rows_size(); }
  Real* own_y_rows(const Group& g) const { return job.workspace + y_rows + g.team * y_rows_size(); }
  struct Frames {
    int64_t count, all, before;  // of a piece; of a sample; of the first piece, frames that are not there
  };
  Real* scratch_with_zeros(int part) const {
    Real* const own = job.workspace + scratch + part * scratch_size;
    clear(own + none, P2);
    return own;
  }
  // Rows that are transposed together: of each channel a run of 256 pixels or a little more, which memory hands over well.
  // Runs of 64 took a quarter longer (high-res layers; a CPU with AVX-512).
  static int64_t band_rows(int64_t columns) { return (256 + columns - 1) / columns; }

  // The kernels. Parts share inputs (and outputs, transposed) and frequencies of time.
  void of_kernels(int part) const {
    Real* const work = scratch_with_zeros(part);
    auto in_space = [&](Real* to, int64_t outer, int64_t lanes_count, int64_t outer_step, int64_t lane_step) {
      // to[v,w][block][outer][re, im][lane]
      const int64_t blocks = (lanes_count + L - 1) / L, size = blocks * outer * P2;
      const Range units = share(outer * blocks, part, job.parts);
      for (int64_t unit = units.first; unit < units.last; ++unit) {
        const int64_t block = unit / outer, k = unit % outer, count = smaller(L, lanes_count - block * L);
        Real *const own = work + plane, *const row = work + band;
        clear(row, kw * P2);
        for (int64_t a = 0; a < kh; ++a) {
          const Real* const from = job.spatial + ((k * outer_step + block * L * lane_step) * kh + a) * kw;
          for (int64_t c = 0; c < kw; ++c)
            for (int64_t l = 0; l < count; ++l) row[c * P2 + l] = from[l * lane_step * kh * kw + c];
          fourier<V, false>(along_w, Line<const Real>{row, P2, kw, 0, work + none},
                            Line<Real>{own + a * n_w * P2, P2, n_w}, work + line);
        }
        for (int64_t w = 0; w < n_w; ++w)
          fourier<V, false>(along_h, Line<const Real>{own + w * P2, n_w * P2, kh, 0, work + none},
                            Line<Real>{to + (w * n_h * blocks * outer + block * outer + k) * P2, size, n_h},
                            work + line);
      }
    };
    const Real scale = Real(1) / static_cast<Real>(n_t * n_h * n_w);
    auto in_time = [&](Real* to, int64_t outer, int64_t lanes_count, int64_t outer_step, int64_t lane_step) {
      const int64_t blocks = (lanes_count + L - 1) / L;
      const Real* const roots = along_t.roots;
      const Range units = share(n_t, part, job.parts);
      clear(to + units.first * blocks * outer * P2, units.size() * blocks * outer * P2);
      for (int64_t u = units.first; u < units.last; ++u)
        for (int64_t l = 0; l < lanes_count; ++l)
          for (int64_t k = 0; k < outer; ++k) {
            const Real* const from = job.temporal + (k * outer_step + l * lane_step) * kt;
            Real re = 0, im = 0;
            for (int64_t j = 0, at = 0; j < kt; ++j, at = at + u < n_t ? at + u : at + u - n_t)
              re += from[j] * roots[2 * at], im += from[j] * roots[2 * at + 1];
            Real* const out = to + ((u * blocks + l / L) * outer + k) * P2 + l % L;
            out[0] = scale * re, out[L] = scale * im;
          }
    };
    in_space(job.workspace + space, p.inputs, p.outputs, 1, p.inputs);
    in_time(job.workspace + time, p.inputs, p.outputs, 1, p.inputs);
    if (job.input_gradient) {
      in_space(job.workspace + space_transposed, p.outputs, p.inputs, p.inputs, 1);
      in_time(job.workspace + time_transposed, p.outputs, p.inputs, p.inputs, 1);
    }
    if (backwards() && job.temporal_gradient)
      clear(job.workspace + time_gradient + part * n_t * kernels, n_t * kernels);
  }

  // (sample, channel, frame, row, column) of a tensor.
  struct Movie {
    const Lanes& lanes;
    const Frames& frames;
    int64_t rows, columns, columns_before;

    int64_t channel_apart() const { return frames.all * rows * columns; }
  };

  // A member's frames in bands of rows: body(unit, first row, last, where(sample, channel)), which tells where the band's first
  // number lies in the tensor; negative: that frame does not exist.
  template <class Body>
  PLEXIFORM_INLINE void for_each_band(const Group& g, const Movie& m, Body&& body) const {
    const int64_t together = band_rows(m.columns);
    const Range units = share(m.lanes.blocks(g.pairs) * m.frames.count, g.member, g.members);
    for (int64_t unit = units.first; unit < units.last; ++unit) {
      for (int64_t h = 0; h < m.rows; h += together) {
        body(unit, h, smaller(m.rows, h + together), [&](int64_t sample, int64_t channel) -> int64_t {
          const int64_t piece = g.first + sample;
          const int64_t t = piece % pieces * T1 + unit % m.frames.count - m.frames.before;
          if (t < 0 || t >= m.frames.all) return -1;
          const int64_t plane = (piece / pieces * m.lanes.channels + channel) * m.frames.all + t;
          return (plane * m.rows + h) * m.columns;
        });
      }
    }
  }

  // Rows of a movie -> frequencies of their columns. Members share frames.
  void rows_to_frequencies(int part, const Group& g, const Real* from, const Movie& m, Real* to) const {
    Real* const work = scratch_with_zeros(part);
    const int64_t step = m.lanes.blocks(g.pairs) * m.frames.count * m.rows * P2;
    int64_t block = -1;
    for_each_band(g, m, [&](int64_t unit, int64_t h0, int64_t h1, auto&& where) {
      const int64_t now = unit / m.frames.count;
      if ((pieces > 1 && h0 == 0) || now != block)  // lanes without a channel, or this frame, are zeros
        clear(work + band, smaller(m.rows, band_rows(m.columns)) * m.columns * P2);
      block = now;
      for_each_sample(m.lanes, g, block, [&](int64_t sample, int64_t channel, int64_t count, int64_t lane) {
        const int64_t at = where(sample, channel);
        if (at < 0) return;
        transpose<V>(from + at, m.channel_apart(), work + band + lane, P2, count, (h1 - h0) * m.columns);
      });
      for (int64_t h = h0; h < h1; ++h) {
        const Real* const row = work + band + (h - h0) * m.columns * P2;
        fourier<V, true>(along_w, Line<const Real>{row, P2, m.columns, m.columns_before, work + none},
                         Line<Real>{to + (unit * m.rows + h) * P2, step, n_w}, work + line);
      }
    });
  }

  // And back.
  void rows_from_frequencies(int part, const Group& g, const Real* from, const Movie& m, Real* to) const {
    Real* const work = scratch_with_zeros(part);
    const int64_t step = m.lanes.blocks(g.pairs) * m.frames.count * m.rows * P2;
    for_each_band(g, m, [&](int64_t unit, int64_t h0, int64_t h1, auto&& where) {
      for (int64_t h = h0; h < h1; ++h) {
        Real* const row = work + band + (h - h0) * m.columns * P2;
        fourier<V, false>(along_w, Line<const Real>{from + (unit * m.rows + h) * P2, step, n_w},
                          Line<Real>{row, P2, m.columns, m.columns_before, work + none + P2}, work + line);
      }
      for_each_sample(m.lanes, g, unit / m.frames.count,
                      [&](int64_t sample, int64_t channel, int64_t count, int64_t lane) {
                        const int64_t at = where(sample, channel);
                        if (at < 0) return;
                        transpose<V>(work + band + lane, P2, to + at, m.channel_apart(), (h1 - h0) * m.columns, count);
                      });
    });
  }

  // body(first sample, first channel, rows of (channel, frame ..) from there on, their first lane), of a block
  template <class Body>
  PLEXIFORM_INLINE void for_each_sample(const Lanes& lanes, const Group& g, int64_t block, Body&& body) const {
    if (pieces == 1 && lanes.apart == lanes.channels &&
        lanes.apart < L) {  // one pair's channels after the other's, as in memory
      const int64_t first = block * L, pair = first / lanes.channels;
      const int64_t left = (g.samples - g.pairs) * lanes.channels - first;
      body(pair, 0, smaller(L, g.pairs * lanes.channels - first), 0);
      if (left > 0) body(g.pairs + pair, 0, smaller(L, left), L);
      return;
    }
    const int64_t pairs = lanes.pairs_of_block(), parts = lanes.blocks_of_pair();
    const int64_t channel = block % parts * L, count = smaller(L, lanes.channels - channel);
    for (int64_t k = 0; k < pairs; ++k) {
      const int64_t pair = block / parts * pairs + k;
      if (pair < g.pairs) body(pair, channel, count, k * lanes.apart);
      if (pair < g.samples - g.pairs) body(g.pairs + pair, channel, count, k * lanes.apart + L);
    }
  }

  // Columns of one frequency of width, all blocks and frames: [unit][h] <-> frequencies [v][unit].
  void columns_to_frequencies(Real* work, const Real* from, int64_t units, int64_t rows, int64_t rows_before,
                              Real* to) const {
    for (int64_t unit = 0; unit < units; ++unit)
      fourier<V, true>(along_h, Line<const Real>{from + unit * rows * P2, P2, rows, rows_before, work + none},
                       Line<Real>{to + unit * P2, apart(units), n_h}, work + line);
  }
  void columns_from_frequencies(Real* work, const Real* from, int64_t units, int64_t rows, int64_t rows_before,
                                Real* to) const {
    for (int64_t unit = 0; unit < units; ++unit)
      fourier<V, false>(along_h, Line<const Real>{from + unit * P2, apart(units), n_h},
                        Line<Real>{to + unit * rows * P2, P2, rows, rows_before, work + none + P2}, work + line);
  }

  // From a frequency of height to the next: one more, so that columns do not meet in the cache.
  static int64_t apart(int64_t units) { return (units + 1) * P2; }

  // Members share the frequencies of width.
  void product(int part, const Group& g) const {
    Real* const work = scratch_with_zeros(part);
    const int64_t in = x.blocks(g.pairs), out = y.blocks(g.pairs);
    const Range units = share(n_w, g.member, g.members);
    for (int64_t w = units.first; w < units.last; ++w) {
      Real* const own_x = own_x_rows(g) + w * in * T * H * P2;
      Real* const own_y = own_y_rows(g) + w * out * T1 * H1 * P2;
      columns_to_frequencies(work, own_x, in * T, H, 0, work + x_plane);
      if (backwards()) columns_to_frequencies(work, own_y, out * T1, H1, p.rows_before, work + y_plane);
      for (int64_t v = 0; v < n_h; ++v) {
        const int64_t unit = w * n_h + v;
        Real *const xs = work + x_plane + v * apart(in * T), *const ys = work + y_plane + v * apart(out * T1);
        for (int64_t block = 0; block < in; ++block)
          fourier<V, true>(along_t, Line<const Real>{xs + block * T * P2, P2, T, 0, work + none},
                           Line<Real>{work + x_lines + block * P2, in * P2, n_t}, work + line);
        if (backwards()) {
          for (int64_t block = 0; block < out; ++block)
            fourier<V, true>(along_t, Line<const Real>{ys + block * T1 * P2, P2, T1, time_before, work + none},
                             Line<Real>{work + y_lines + block * P2, out * P2, n_t}, work + line);
          if (job.temporal_gradient) gradient_of_kernels(part, g, work, unit);
          if (!job.input_gradient) continue;
          multiply<true>(g, work + y_lines, y, work + dx_lines, x, job.workspace + space_transposed + unit * transposed,
                         job.workspace + time_transposed);
          for (int64_t block = 0; block < in; ++block)
            fourier<V, false>(along_t, Line<const Real>{work + dx_lines + block * P2, in * P2, n_t},
                              Line<Real>{xs + block * T * P2, P2, T, 0, work + none + P2}, work + line);
        } else {
          multiply<false>(g, work + x_lines, x, work + y_lines, y, job.workspace + space + unit * kernels,
                          job.workspace + time);
          for (int64_t block = 0; block < out; ++block)
            fourier<V, false>(along_t, Line<const Real>{work + y_lines + block * P2, out * P2, n_t},
                              Line<Real>{ys + block * T1 * P2, P2, T1, time_before, work + none + P2}, work + line);
        }
      }
      if (!backwards()) columns_from_frequencies(work, work + y_plane, out * T1, H1, p.rows_before, own_y);
      if (backwards() && job.input_gradient) columns_from_frequencies(work, work + x_plane, in * T, H, 0, own_x);
    }
  }

  // out[u][o] = sum_k in[u][k] E_t[u,o,k] E_s[o,k], for each pair; Conjugate: of conj(E).
  template <bool Conjugate>
  PLEXIFORM_INLINE void multiply(const Group& g, const Real* in, const Lanes& from, Real* out, const Lanes& to,
                                 const Real* of_space, const Real* of_time) const {
    const int64_t blocks = to.apart / L, in_size = from.blocks(g.pairs) * P2, out_size = to.blocks(g.pairs) * P2;
    const int64_t size = blocks * from.channels * P2, together = from.pairs_of_block();
    const int64_t step = from.apart < L ? from.apart : 2 * from.apart;
    for (int64_t u = 0; u < n_t; ++u, in += in_size, out += out_size, of_time += size) {
      for (int64_t block = 0; block < blocks; ++block) {
        const Real* const s = of_space + block * from.channels * P2;
        const Real* const t = of_time + block * from.channels * P2;
        // Pairs of one block of lanes, or all of them, at a time.
        const int64_t run = together > 1 ? together : g.pairs;
        for (int64_t pair = 0; pair < g.pairs; pair += run) {
          const Real* const xs = in + from.at(pair);
          in_tiles<V::pairs>(smaller(run, g.pairs - pair), [&]<int N>(int64_t n) {
            C sum[N];
#pragma GCC unroll 8
            for (int k = 0; k < N; ++k) sum[k] = C::zero();
            for (int64_t i0 = 0; i0 < from.channels; i0 += L) {
              const Real* at = xs + n * step + i0 / L * P2;
              const int64_t last = smaller(from.channels, i0 + L);
              for (int64_t i = i0; i < last; ++i, ++at) {
                const C ts = C::load(t + i * P2), ss = C::load(s + i * P2);
                C e = ts.template turned<false>(ss.re, ss.im);
                e.re.pin(), e.im.pin();
                const Real* pair_at = at;
#pragma GCC unroll 8
                for (int k = 0; k < N; ++k, pair_at += step) {
                  V re = V::broadcast(pair_at), im = V::broadcast(pair_at + L);
                  re.pin(), im.pin();
                  if constexpr (Conjugate) {  // (re + i im) (e.re - i e.im)
                    sum[k].re = V::fma(re, e.re, V::fma(im, e.im, sum[k].re));
                    sum[k].im = V::fma(im, e.re, V::fnma(re, e.im, sum[k].im));
                  } else {
                    sum[k].re = V::fma(re, e.re, V::fnma(im, e.im, sum[k].re));
                    sum[k].im = V::fma(im, e.re, V::fma(re, e.im, sum[k].im));
                  }
                }
              }
            }
#pragma GCC unroll 8
            for (int k = 0; k < N; ++k) sum[k].store(out + to.at(pair + n + k) + block * P2);
          });
        }
      }
    }
  }

  // G = sum over pairs of X conj(dY), into dE_s and this part's dE_t. Those of the frequencies of one (v,w).
  PLEXIFORM_INLINE void gradient_of_kernels(int part, const Group& g, const Real* work, int64_t unit) const {
    const int64_t blocks = y.apart / L, in_size = x.blocks(g.pairs) * P2, out_size = y.blocks(g.pairs) * P2;
    Real* const of_space = job.workspace + space_gradient + (g.team * n_h * n_w + unit) * kernels;
    Real* const of_time = job.workspace + time_gradient + part * n_t * kernels;
    const Real *const space_at = job.workspace + space + unit * kernels, *const time_at = job.workspace + time;
    if (g.begins) clear(of_space, kernels);
    for (int64_t u = 0; u < n_t; ++u) {
      for (int64_t block = 0; block < blocks; ++block) {
        for (int64_t i0 = 0; i0 < p.inputs; i0 += L) {
          in_tiles<V::pairs>(smaller(L, p.inputs - i0), [&]<int N>(int64_t n) {
            C sum[N];
#pragma GCC unroll 8
            for (int k = 0; k < N; ++k) sum[k] = C::zero();
            const Real* const xs = work + x_lines + u * in_size + i0 / L * P2 + n;
            const Real* const ys = work + y_lines + u * out_size + block * P2;
            for (int64_t pair = 0; pair < g.pairs; ++pair) {
              C d = C::load(ys + y.at(pair));
              d.re.pin(), d.im.pin();
              const Real* const x_at = xs + x.at(pair);
#pragma GCC unroll 8
              for (int k = 0; k < N; ++k) {
                V re = V::broadcast(x_at + k), im = V::broadcast(x_at + k + L);
                re.pin(), im.pin();
                sum[k].re = V::fma(re, d.re, V::fma(im, d.im, sum[k].re));
                sum[k].im = V::fma(im, d.re, V::fnma(re, d.im, sum[k].im));
              }
            }
            const int64_t at = (block * p.inputs + i0 + n) * P2;
#pragma GCC unroll 8
            for (int k = 0; k < N; ++k) {
              auto add = [&](Real* to, const Real* e) __attribute__((always_inline)) {
                const C factor = C::load(e);
                C total = C::load(to);
                total.re = V::fma(sum[k].re, factor.re, V::fnma(sum[k].im, factor.im, total.re));
                total.im = V::fma(sum[k].im, factor.re, V::fma(sum[k].re, factor.im, total.im));
                total.store(to);
              };
              add(of_space + at + k * P2, time_at + u * kernels + at + k * P2);
              add(of_time + u * kernels + at + k * P2, space_at + at + k * P2);
            }
          });
        }
      }
    }
  }

  // Back from dE_s, and dE_t of all parts. Parts share inputs.
  void of_gradients(int part) const {
    if (!job.temporal_gradient) return;
    Real* const work = scratch_with_zeros(part);
    const int64_t blocks = y.apart / L;
    const Range units = share(p.inputs * blocks, part, job.parts);
    const Real* const roots = along_t.roots;
    const Real scale = Real(1) / static_cast<Real>(n_t * n_h * n_w);
    for (int64_t unit = units.first; unit < units.last; ++unit) {
      const int64_t block = unit / p.inputs, i = unit % p.inputs, count = smaller(L, p.outputs - block * L);
      Real *const own = work + plane, *const row = work + band;
      for (int64_t k = 0; teams > 1 && k < n_h * n_w; ++k)
        add_up(job.workspace + space_gradient + k * kernels + unit * P2);
      for (int64_t w = 0; w < n_w; ++w)
        fourier<V, false>(
            along_h, Line<const Real>{job.workspace + space_gradient + w * n_h * kernels + unit * P2, kernels, n_h},
            Line<Real>{own + w * P2, n_w * P2, kh, 0, work + none + P2}, work + line);
      for (int64_t a = 0; a < kh; ++a) {
        fourier<V, false>(along_w, Line<const Real>{own + a * n_w * P2, P2, n_w},
                          Line<Real>{row, P2, kw, 0, work + none + P2}, work + line);
        for (int64_t c = 0; c < kw; ++c)
          for (int64_t l = 0; l < count; ++l)
            job.spatial_gradient[(((block * L + l) * p.inputs + i) * kh + a) * kw + c] = row[c * P2 + l];
      }
      for (int64_t j = 0; j < kt; ++j) {
        V sum = V::zero();
        for (int64_t u = 0, at = 0; u < n_t; ++u, at = (at + j) % n_t) {
          C total = C::zero();
          for (int k = 0; k < job.parts; ++k)
            total = total + C::load(job.workspace + time_gradient + (k * n_t + u) * kernels + unit * P2);
          sum =
              V::fma(total.re, V::broadcast(roots + 2 * at), V::fnma(total.im, V::broadcast(roots + 2 * at + 1), sum));
        }
        Real of_lanes[L];
        sum.store(of_lanes);
        for (int64_t l = 0; l < count; ++l)
          job.temporal_gradient[((block * L + l) * p.inputs + i) * kt + j] = scale * of_lanes[l];
      }
    }
  }

  // A number of dE_s of the first team: the sum of those of all.
  PLEXIFORM_INLINE void add_up(Real* of_first) const {
    C total = C::load(of_first);
    for (int64_t team = 1; team < teams; ++team) total = total + C::load(of_first + team * n_h * n_w * kernels);
    total.store(of_first);
  }

  const Job<Real>& job;
  const Problem& p;
  const int64_t H = p.height, W = p.width, kt = p.bins, kh = p.rows, kw = p.columns;
  const int64_t H1 = p.out_height(), W1 = p.out_width();
  const Spectrum size = spectrum(p, job.input_gradient);
  const int64_t pieces = size.pieces, T = size.in_frames, T1 = size.out_frames;
  const int64_t n_t = size.times, n_h = size.heights, n_w = size.widths;
  const int64_t roots_h = aligned(2 * n_t), roots_w = roots_h + aligned(2 * n_h);  // in the workspace
  const Fourier<Real> along_t = {n_t, job.workspace},
                      along_h = {n_h, job.workspace ? job.workspace + roots_h : nullptr},
                      along_w = {n_w, job.workspace ? job.workspace + roots_w : nullptr};
  // A piece is a sample of its own, with its zeros.
  const int64_t time_before = pieces > 1 ? 0 : p.time_before;
  const Frames in_frames = {T, p.time, p.time_before - time_before}, out_frames = {T1, p.out_time(), 0};
  // dX takes the place of X, and its lanes are those of one pair.
  const Lanes x = job.input_gradient ? Lanes::own(p.inputs, L) : Lanes::shared(p.inputs, L),
              y = Lanes::own(p.outputs, L);
  const int64_t kernels = y.apart * p.inputs * 2, transposed = x.apart * p.outputs * 2;  // numbers of one frequency
  const int64_t pairs = (p.batch * pieces + 1) / 2;
  const int teams = most_teams();
  const int64_t of_team = (pairs + teams - 1) / teams;                 // pairs
  const int64_t groups = (of_team + most_pairs() - 1) / most_pairs();  // of a team
  const int64_t group = (of_team + groups - 1) / groups;               // pairs of each, but the last

  // Teams with groups of their own: what another part has written is far away (on two cores that do not share a cache, low-res
  // layer 1 took 22 ms in one team, 19 in two). As many as leave whole groups, much the same to do, and memory.
  int most_teams() const {
    auto fits = [&](int k) {
      return job.parts % k == 0 && pairs >= 8 * k && k * (in_memory(8) + n_h * n_w * kernels) <= most_in_memory;
    };
    int most = job.parts;
    while (most > 1 && !fits(most)) --most;
    return most;
  }
  int64_t in_memory(int64_t k) const { return n_w * P2 * (T * H * x.blocks(k) + T1 * H1 * y.blocks(k)); }
  // As many as share the product of the kernels' factors well, and fewer where their planes would take much memory.
  int64_t most_pairs() const {
    int64_t most = smaller(8, of_team);
    while (most > 2 && in_memory(most) * teams > most_in_memory) --most;
    return most;
  }

  // Where things lie in the workspace, and, from `none` on, in a part's scratch.
  int64_t time, space, time_transposed = 0, space_transposed = 0, space_gradient = 0, time_gradient = 0;
  int64_t x_rows, y_rows, scratch;
  int64_t none, line, band, plane, x_plane, y_plane, x_lines, y_lines, dx_lines, scratch_size;
};

}  // namespace
}  // namespace plexiform::factored

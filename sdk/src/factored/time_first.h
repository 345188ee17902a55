// The factored convolution, time first. See factored.h.
// A part works on few output frames of one sample, and for each input on planes of them that stay in the cache:
//   forward    z[i,t,q] = sum_j T[j] x[i,t+j,q]                  y[t,p] = sum_i sum_a,c S[a,c] z[i,t,p+(a,c)]
//   backward   z again                                           dS[a,c] = sum_t,p g[t,p] z[i,t,p+(a,c)]
//              dz[i,t,q] = sum_a,c S[a,c] g[t,q-(a,c)]           dT[j] = sum_t,q dz[i,t,q] x[i,t+j,q]
//              dx[i,t+j,q] += sum_lane T[j] dz[i,t,q]            all but the last for each (lane, i)
// q an input pixel, p an output pixel, t an output frame, g the gradient of y.
// Planes are [part][h][w][frame][lane of the part] and have the zeros around them that the kernel reaches.
#pragma once

#include "packing.h"

namespace plexiform::factored {
namespace {

template <class V>
struct TimeFirst {
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes, P = V::Part::lanes;

  explicit TimeFirst(const Job<Real>& job) : job(job), p(job.problem), work(job, scratch_size()) {}

  // Frames of a block: one where a row of pixels fills a tile; else a few.
  int64_t block_frames() const { return smaller(W, W1) >= 12 ? 1 : smaller(T1, 10); }
  int64_t z_width() const { return W + p.columns_before + p.columns_after; }
  int64_t g_width() const { return g_left + W1 + larger(0, kw - 1 - p.columns_after); }
  int64_t g_height() const { return g_top + H1 + larger(0, kh - 1 - p.rows_after); }

  int64_t z_apart() const { return aligned((H + p.rows_before + p.rows_after) * z_width() * block_frames() * P); }
  int64_t y_apart() const { return aligned(H1 * W1 * block_frames() * P); }
  int64_t g_apart() const { return aligned(g_height() * g_width() * block_frames() * P); }
  int64_t dz_apart() const { return aligned(Q * block_frames() * P); }
  int64_t z_size() const { return z_apart() * (L / P); }
  int64_t y_size() const { return y_apart() * (L / P); }
  int64_t g_size() const { return g_apart() * (L / P); }
  int64_t dz_size() const { return dz_apart() * (L / P); }
  int64_t turned_row() const { return (Q + L - 1) / L * L; }
  int64_t tail_size() const { return aligned(kt * L); }
  int64_t place_size() const { return aligned(Q); }
  int64_t scratch_size() const {
    return place_size() + z_size() + larger(y_size(), g_size() + dz_size() + aligned(L * turned_row()) + tail_size());
  }

  void forward(int part) const {
    Real* const z = work.scratch(part) + place_size();
    Real* const y = z + z_size();  // planes [p][frame]
    const int64_t frames = block_frames(), time_blocks = (T1 + frames - 1) / frames;
    const Range units = share(p.batch * time_blocks, part, job.parts);
    int64_t prepared = 0;
    for (int64_t unit = units.first; unit < units.last; ++unit) {
      const int64_t b = unit / time_blocks, t0 = unit % time_blocks * frames, F = smaller(frames, T1 - t0);
      if (F != prepared) prepare_z(z, part, F), prepared = F;
      for (int64_t block = 0; block < blocks; ++block) {
        for (int64_t i = 0; i < p.inputs; ++i) {
          in_time(z, part, b, block, i, t0, F);
          const Real* const kernel = work.spatial() + (block * p.inputs + i) * kh * kw * L;
          for (int64_t h = 0; h < H1; ++h) {
            const int64_t a0 = larger(0, p.rows_before - h), a1 = smaller(kh, p.rows_before + H - h);
            along_row(y + h * W1 * F * P, W1, z + (h + a0) * z_width() * F * P, z_width(), kernel + a0 * kw * L, 1,
                      a1 - a0, F, p.columns_before, W, i > 0, {.out = y_apart(), .w = P, .z = z_apart()});
          }
        }
        const int64_t o = block * L;
        for (int64_t t = 0; t < F; ++t) {
          to_rows<V>(y + t * P, y_apart(), F * P, job.output + ((b * p.outputs + o) * T1 + t0 + t) * H1 * W1,
                     T1 * H1 * W1, H1 * W1, smaller(L, p.outputs - o));
        }
      }
    }
  }

  // Parts share the (sample, input) pairs.
  void backward(int part) const {
    Real* const z = work.scratch(part) + place_size();
    Real* const g = z + z_size();
    Real* const dz = g + g_size();        // planes [q][frame]
    Real* const turned = dz + dz_size();  // [lane][q]
    Real* const tail = turned + aligned(L * turned_row());
    clear(turned, L * turned_row());
    const int64_t frames = block_frames();
    const Range units = share(p.batch * p.inputs, part, job.parts);
    int64_t prepared = 0;
    for (int64_t first = units.first; first < units.last;) {
      const int64_t b = first / p.inputs, last = smaller(units.last, (b + 1) * p.inputs);
      const Range inputs = {first - b * p.inputs, last - b * p.inputs};
      first = last;
      if (job.input_gradient) clear(dx(b, inputs.first), inputs.size() * T * Q);
      for (int64_t block = 0; block < blocks; ++block) {
        for (int64_t t0 = 0; t0 < T1; t0 += frames) {
          const int64_t F = smaller(frames, T1 - t0);
          if (F != prepared) prepare_z(z, part, F), clear(g, g_size()), prepared = F;
          pack_gradient(g, b, block, t0, F);
          for (int64_t i = inputs.first; i < inputs.last; ++i) {
            if (job.spatial_gradient) {
              in_time(z, part, b, block, i, t0, F);
              of_spatial(work.spatial_gradient(part) + (block * p.inputs + i) * kh * kw * L, g, z, F);
            }
            backwards_in_space(dz, g, work.spatial() + (block * p.inputs + i) * kh * kw * L, F);
            if (job.temporal_gradient) of_temporal(part, b, block, i, dz, t0, F);
            for (int64_t t = 0; job.input_gradient && t < F; ++t) {
              const int64_t s = t0 + t - p.time_before;
              const Range j = bins_inside(s);
              to_rows<V>(dz + t * P, dz_apart(), F * P, turned, turned_row(), Q, L);
              of_input(dx(b, i) + (s + j.first) * Q, turned,
                       work.temporal() + ((block * p.inputs + i) * kt + j.first) * L, j.size(), tail);
            }
          }
        }
      }
    }
  }

 private:
  // z of one block; a lane's plane is that of its output.
  PLEXIFORM_INLINE void in_time(Real* z, int part, int64_t b, int64_t block, int64_t i, int64_t t0, int64_t F) const {
    const int32_t* const place = places(part);
    if (F > 1 && all_inside(t0, F)) {
      const Real* const kernel = work.temporal() + (block * p.inputs + i) * kt * L;
      const Real* const x = job.input + ((b * p.inputs + i) * T + t0 - p.time_before) * Q;
      for (int64_t q = 0; q < Q; ++q) {
        in_tiles<V::Part::slide>(F, [&]<int N>(int64_t t) {
          slide<V, N, 1, false, true>(z + place[q] + t * P, x + t * Q + q, kernel,
                                      {.out = P, .z = Q, .w = L, .columns = kt}, false, {.out = z_apart(), .w = P});
        });
      }
      return;
    }
    for (int64_t t = 0; t < F; ++t) {
      const int64_t s = t0 + t - p.time_before;
      const Range j = bins_inside(s);
      const Real* const kernel = work.temporal() + ((block * p.inputs + i) * kt + j.first) * L;
      const Real* const x = job.input + ((b * p.inputs + i) * T + s + j.first) * Q;
      in_tiles<V::tile>(Q, [&]<int N>(int64_t q) {
        spread<V, N, 1>(z + t * P, [&](int64_t n) { return int64_t{place[q + n]}; }, kernel, {0, L}, x + q, {0, Q}, 1,
                        {1, j.size()}, false, {.out = z_apart(), .w = P});
      });
    }
  }

  PLEXIFORM_INLINE void of_temporal(int part, int64_t b, int64_t block, int64_t i, const Real* dz, int64_t t0,
                                    int64_t F) const {
    Real* const gradient = work.temporal_gradient(part) + (block * p.inputs + i) * kt * L;
    const Real* const x = job.input + ((b * p.inputs + i) * T + t0 - p.time_before) * Q;
    if (F > 1 && all_inside(t0, F)) {
      in_tiles<V::Part::slide>(kt, [&]<int N>(int64_t j) {
        slide<V, N, 1, true, true>(gradient + j * L, x + j * Q, dz,
                                   {.out = L, .z_row = 1, .z = Q, .w_row = F * P, .w = P, .rows = Q, .columns = F},
                                   true, {.out = P, .w = dz_apart()});
      });
      return;
    }
    for (int64_t t = 0; t < F; ++t) {
      const Range j = bins_inside(t0 + t - p.time_before);
      in_tiles<V::tile>(j.size(), [&]<int N>(int64_t n) {
        n += j.first;
        spread<V, N, 0>(gradient + n * L, [](int64_t m) { return m * L; }, dz + t * P, {0, F * P}, x + (t + n) * Q,
                        {0, 1}, Q, {1, Q}, true, {.out = P, .w = dz_apart()});
      });
    }
  }

  // One row of outputs from `taps` rows of z, F frames at a time. zeros, width: of the input of this filter; kernel: its
  // first tap, step 1, or its last, step -1.
  __attribute__((noinline)) void along_row(Real* out, int64_t out_width, const Real* z, int64_t row, const Real* kernel,
                                           int64_t step, int64_t taps, int64_t F, int64_t zeros, int64_t width,
                                           bool add, Apart apart) const {
    in_groups<V>(out_width, F, [&]<int N, int G>(int64_t w, int64_t t) {
      const int64_t c0 = larger(0, zeros - (w + N - 1)), c1 = smaller(kw, zeros + width - w);
      slide<V, N, G, false>(out + (w * F + t) * P, z + ((w + c0) * F + t) * P, kernel + step * c0 * L,
                            {.out = F * P,
                             .z_row = row * F * P,
                             .z = F * P,
                             .w_row = step * kw * L,
                             .w = step * L,
                             .out_group = P,
                             .z_group = P,
                             .rows = taps,
                             .columns = c1 - c0},
                            add, apart);
    });
  }

  PLEXIFORM_INLINE void of_spatial(Real* gradient, const Real* g, const Real* z, int64_t F) const {
    // Few rows at a time, which stay in the first cache for all rows of taps.
    const int64_t rows = larger(1, 384 / ((W1 + z_width()) * F));
    for (int64_t h = 0; h < H1; h += rows) {
      for (int64_t a = 0; a < kh; ++a) {
        const int64_t h0 = larger(h, p.rows_before - a), h1 = smaller(smaller(h + rows, H1), p.rows_before + H - a);
        const Real* const g_rows = g + ((h0 + g_top) * g_width() + g_left) * F * P;
        const Real* const z_rows = z + (h0 + a) * z_width() * F * P;
        // Groups are frames or, where there is one, rows.
        const int64_t g_row = g_width() * F * P, z_row = z_width() * F * P;
        const int64_t groups = F > 1 ? F : h1 - h0, z_group = F > 1 ? P : z_row, g_group = F > 1 ? P : g_row;
        in_groups<V>(kw, groups, [&]<int N, int G>(int64_t c, int64_t k) {
          // Columns where one of the taps meets the input.
          const int64_t w0 = larger(0, p.columns_before - (c + N - 1)), w1 = smaller(W1, p.columns_before + W - c);
          slide<V, N, G, true>(gradient + (a * kw + c) * L, z_rows + (c + w0) * F * P + k * z_group,
                               g_rows + w0 * F * P + k * g_group,
                               {.out = L,
                                .z_row = z_row,
                                .z = F * P,
                                .w_row = g_row,
                                .w = F * P,
                                .z_group = z_group,
                                .w_group = g_group,
                                .rows = F > 1 ? h1 - h0 : 1,
                                .columns = w1 - w0},
                               true, {.out = P, .w = g_apart(), .z = z_apart()});
        });
      }
    }
  }

  PLEXIFORM_INLINE void backwards_in_space(Real* dz, const Real* g, const Real* kernel, int64_t F) const {
    const int64_t above = kh - 1 - p.rows_before, left = kw - 1 - p.columns_before;  // of g, as zeros
    for (int64_t h = 0; h < H; ++h) {
      const int64_t a0 = larger(0, above - h), a1 = smaller(kh, above + H1 - h);  // taps from the last to the first
      along_row(dz + h * W * F * P, W, g + ((h - above + g_top + a0) * g_width() + g_left - left) * F * P, g_width(),
                kernel + ((kh - a0) * kw - 1) * L, -1, a1 - a0, F, left, W1, false,
                {.out = dz_apart(), .w = P, .z = g_apart()});
    }
  }

  // dx[j,q] += sum_lane T[j][lane] dz[q][lane]: lanes of the vectors are pixels here.
  PLEXIFORM_INLINE void of_input(Real* out, const Real* turned, const Real* kernel, int64_t bins, Real* tail) const {
    for (int64_t q = 0; q < Q; q += L) {
      const bool whole = q + L <= Q;
      Real* const to = whole ? out + q : tail;
      const int64_t row = whole ? Q : L;
      in_tiles<V::tile>(bins, [&]<int N>(int64_t n) {
        spread<V, N, L>(
            to + n * row, [&](int64_t m) { return m * row; }, turned + q, {0, turned_row()}, kernel + n * L, {0, 1}, L,
            {1, L}, whole);
      });
      if (whole) continue;
      for (int64_t j = 0; j < bins; ++j) {
        for (int64_t k = q; k < Q; ++k) out[j * Q + k] += tail[j * L + k - q];
      }
    }
  }

  void pack_gradient(Real* g, int64_t b, int64_t block, int64_t t0, int64_t F) const {
    const int64_t o = block * L, outputs = smaller(L, p.outputs - o);
    for (int64_t t = 0; t < F; ++t) {
      for (int64_t h = 0; h < H1; ++h) {
        Real* const to = g + (((h + g_top) * g_width() + g_left) * F + t) * P;
        for (int64_t lane = outputs / P * P; lane < L; lane += P)  // lanes of another block
          for (int64_t w = 0; w < W1; ++w) clear(to + lane / P * g_apart() + w * F * P, P);
        from_rows<V>(job.output_gradient + (((b * p.outputs + o) * T1 + t0 + t) * H1 + h) * W1, T1 * H1 * W1, to,
                     g_apart(), F * P, W1, outputs);
      }
    }
  }

  void prepare_z(Real* z, int part, int64_t F) const {
    clear(z, z_size());
    int32_t* const place = places(part);
    for (int64_t q = 0; q < Q; ++q) {
      const int64_t h = q / W + p.rows_before, w = q % W + p.columns_before;
      place[q] = static_cast<int32_t>((h * z_width() + w) * F * P);
    }
  }

  // Where input pixel q lies in z.
  int32_t* places(int part) const { return reinterpret_cast<int32_t*>(work.scratch(part)); }

  // Does every bin of the kernel meet the input, for all frames of a block?
  PLEXIFORM_INLINE bool all_inside(int64_t t0, int64_t F) const {
    return t0 >= p.time_before && t0 + F - 1 - p.time_before + kt <= T;
  }
  PLEXIFORM_INLINE Range bins_inside(int64_t s) const { return {larger(0, -s), smaller(kt, T - s)}; }

  Real* dx(int64_t b, int64_t i) const { return job.input_gradient + (b * p.inputs + i) * T * Q; }

  const Job<Real>& job;
  const Problem& p;
  const int64_t T = p.time, H = p.height, W = p.width, Q = H * W, kt = p.bins, kh = p.rows, kw = p.columns;
  const int64_t T1 = p.out_time(), H1 = p.out_height(), W1 = p.out_width();
  const int64_t blocks = (p.outputs + L - 1) / L;
  const int64_t g_top = larger(0, kh - 1 - p.rows_before), g_left = larger(0, kw - 1 - p.columns_before);

 public:
  const Workspace<V> work;  // after what its size depends on
};

}  // namespace
}  // namespace plexiform::factored

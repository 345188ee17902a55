// The factored convolution, space first. See factored.h.
// A part works on blocks of output rows of one sample: few pixels whose maps, all their frames, stay in the cache.
//   forward    m[i,p,s] = sum_a,c S[a,c] x[i,s,p+(a,c)]          y[p,t] = sum_i,j T[j] m[i,p,t+j]
//   backward   dT[j] = sum_p,t g[p,t] m[i,p,t+j]                 dm[i,p,s] = sum_j T[j] g[p,s-j]
//              dS[a,c] = sum_p,s dm[i,p,s] x[i,s,p+(a,c)]        all for each (lane, i)
// p an output pixel, s an input frame, t an output frame, g the gradient of y. The input is turned to (I, H, W, T), so
// that frames lie next to each other.
#pragma once

#include "packing.h"

namespace plexiform::factored {
namespace {

template <class V>
struct SpaceFirst {
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes, P = V::Part::lanes;
  static constexpr int slide_tile = V::Part::slide;

  explicit SpaceFirst(const Job<Real>& job) : job(job), p(job.problem), work(job, scratch_size()) {}

  // Output rows of a block: enough pixels that transposing them back is cheap.
  int64_t block_rows() const { return smaller(H1, larger(1, 32 / W1)); }
  int64_t map_time() const { return p.time_before + T + p.time_after; }
  int64_t gradient_time() const { return g_before + T1 + larger(0, kt - 1 - p.time_after); }
  int64_t maps_size() const { return p.batch * blocks * p.inputs * H1 * W1 * map_time() * L; }

  int64_t input_size() const { return aligned(p.inputs * T * H * W); }
  int64_t map_apart() const { return map_time() * P; }  // of one pixel
  int64_t map_size() const { return aligned(map_time() * L); }
  int64_t block_apart() const { return aligned(block_rows() * W1 * larger(T1, gradient_time()) * P); }
  int64_t block_size() const { return block_apart() * (L / P); }
  int64_t scratch_size() const { return input_size() + 2 * map_size() + block_size(); }

  void forward(int part) const {
    Real* const turned = work.scratch(part);
    Real* const own_map = turned + input_size();
    Real* const y = own_map + 2 * map_size();  // [part][pixel][t][lane of the part]
    for_each_block(part, turned, [&](int64_t b, int64_t block, int64_t row, int64_t pixels) {
      for (int64_t i = 0; i < p.inputs; ++i) {
        const Real* const t_kernel = work.temporal() + (block * p.inputs + i) * kt * L;
        for (int64_t q = 0; q < pixels; ++q) {
          Real* const m = job.maps ? kept(b, block, i, row * W1 + q) : own_map;
          in_space(turned, block, i, row + q / W1, q % W1, m);
          in_tiles<slide_tile>(T1, [&]<int N>(int64_t t) {
            const int64_t j0 = larger(0, p.time_before - (t + N - 1)), j1 = smaller(kt, p.time_before + T - t);
            slide<V, N, 1, false>(y + (q * T1 + t) * P, m + (t + j0) * P, t_kernel + j0 * L,
                                  {.out = P, .z = P, .w = L, .columns = j1 - j0}, i > 0,
                                  {.out = block_apart(), .w = P, .z = map_apart()});
          });
        }
      }
      const int64_t o = block * L;
      for (int64_t t = 0; t < T1; ++t) {
        to_rows<V>(y + t * P, block_apart(), T1 * P, job.output + ((b * p.outputs + o) * T1 + t) * H1 * W1 + row * W1,
                   T1 * H1 * W1, pixels, smaller(L, p.outputs - o));
      }
    });
  }

  void backward(int part) const {
    Real* const turned = work.scratch(part);
    Real* const own_map = turned + input_size();
    Real* const dm = own_map + map_size();
    Real* const g = dm + map_size();  // [part][pixel][zeros, t, zeros][lane of the part]
    const int64_t g_time = gradient_time();
    clear(g, block_size());
    for_each_block(part, turned, [&](int64_t b, int64_t block, int64_t row, int64_t pixels) {
      const int64_t o = block * L;
      for (int64_t t = 0; t < T1; ++t) {
        const int64_t outputs = smaller(L, p.outputs - o);
        Real* const to = g + (g_before + t) * P;
        for (int64_t lane = outputs / P * P; lane < L; lane += P)  // lanes of another block
          for (int64_t q = 0; q < pixels; ++q) clear(to + lane / P * block_apart() + q * g_time * P, P);
        from_rows<V>(job.output_gradient + ((b * p.outputs + o) * T1 + t) * H1 * W1 + row * W1, T1 * H1 * W1, to,
                     block_apart(), g_time * P, pixels, outputs);
      }
      for (int64_t i = 0; i < p.inputs; ++i) {
        const int64_t at = block * p.inputs + i;
        const Real* const t_kernel = work.temporal() + at * kt * L;
        Real* const t_gradient = work.temporal_gradient(part) + at * kt * L;
        Real* const s_gradient = work.spatial_gradient(part) + at * kh * kw * L;
        for (int64_t q = 0; q < pixels; ++q) {
          const int64_t h = row + q / W1, w = q % W1;
          const Real* m = own_map;
          if (job.maps) {
            m = kept(b, block, i, row * W1 + q);
          } else {
            in_space(turned, block, i, h, w, own_map);
          }
          const Real* const gq = g + q * g_time * P;
          in_tiles<slide_tile>(kt, [&]<int N>(int64_t j) {
            slide<V, N, 1, true>(t_gradient + j * L, m + j * P, gq + g_before * P,
                                 {.out = L, .z = P, .w = P, .columns = T1}, true,
                                 {.out = P, .w = block_apart(), .z = map_apart()});
          });
          in_tiles<slide_tile>(T, [&]<int N>(int64_t s) {  // backwards through the kernel: k = kt - 1 - j
            const int64_t first = s - (kt - 1) + p.time_before;
            const int64_t k0 = larger(0, -first - (N - 1)), k1 = smaller(kt, T1 - first);
            slide<V, N, 1, false>(dm + s * P, gq + (first + g_before + k0) * P, t_kernel + (kt - 1 - k0) * L,
                                  {.out = P, .z = P, .w = -L, .columns = k1 - k0}, false,
                                  {.out = map_apart(), .w = P, .z = block_apart()});
          });
          const Range a = rows_inside(h), c = columns_inside(w);
          for (int64_t k = a.first; k < a.last; ++k) {
            const Real* const x = turned + ((i * H + h - p.rows_before + k) * W + w - p.columns_before) * T;
            in_tiles<V::tile>(c.size(), [&]<int N>(int64_t n) {
              n += c.first;
              spread<V, N, 0>(s_gradient + (k * kw + n) * L, [](int64_t m) { return m * L; }, dm, {0, P}, x + n * T,
                              {0, 1}, T, {1, T}, true, {.out = P, .w = map_apart()});
            });
          }
        }
      }
    });
  }

 private:
  // visit(b, block, first row, pixels)
  template <class Visit>
  PLEXIFORM_INLINE void for_each_block(int part, Real* turned, Visit&& visit) const {
    const int64_t rows = block_rows(), row_blocks = (H1 + rows - 1) / rows;
    const Range units = share(p.batch * row_blocks, part, job.parts);
    int64_t sample = -1;
    for (int64_t unit = units.first; unit < units.last; ++unit) {
      const int64_t b = unit / row_blocks, row = unit % row_blocks * rows;
      if (b != sample) {
        for (int64_t i = 0; i < p.inputs; ++i) {
          transpose<V>(job.input + (b * p.inputs + i) * T * H * W, H * W, turned + i * T * H * W, T, T, H * W);
        }
        sample = b;
      }
      for (int64_t block = 0; block < blocks; ++block) visit(b, block, row, smaller(rows, H1 - row) * W1);
    }
  }

  // The map of one output pixel: [part][zeros, s, zeros][lane of the part]
  PLEXIFORM_INLINE void in_space(const Real* turned, int64_t block, int64_t i, int64_t h, int64_t w, Real* m) const {
    const Range a = rows_inside(h), c = columns_inside(w);
    const Real* const kernel = work.spatial() + ((block * p.inputs + i) * kh * kw + a.first * kw + c.first) * L;
    const Real* const x = turned + ((i * H + h - p.rows_before + a.first) * W + w - p.columns_before + c.first) * T;
    for (int64_t part = 0; part < L / P; ++part) {
      clear(m + part * map_apart(), p.time_before * P);
      clear(m + part * map_apart() + (p.time_before + T) * P, p.time_after * P);
    }
    m += p.time_before * P;
    in_tiles<V::tile>(T, [&]<int N>(int64_t s) {
      spread<V, N, 1>(m + s * P, [](int64_t n) { return n * P; }, kernel, {kw * L, L}, x + s, {W * T, T}, 1,
                      {a.size(), c.size()}, false, {.out = map_apart(), .w = P});
    });
  }

  // Taps of the kernel that meet the input.
  PLEXIFORM_INLINE Range rows_inside(int64_t h) const {
    return {larger(0, p.rows_before - h), smaller(kh, p.rows_before + H - h)};
  }
  PLEXIFORM_INLINE Range columns_inside(int64_t w) const {
    return {larger(0, p.columns_before - w), smaller(kw, p.columns_before + W - w)};
  }

  Real* kept(int64_t b, int64_t block, int64_t i, int64_t pixel) const {
    return job.maps + (((b * blocks + block) * p.inputs + i) * H1 * W1 + pixel) * map_time() * L;
  }

  const Job<Real>& job;
  const Problem& p;
  const int64_t T = p.time, H = p.height, W = p.width, kt = p.bins, kh = p.rows, kw = p.columns;
  const int64_t T1 = p.out_time(), H1 = p.out_height(), W1 = p.out_width();
  const int64_t blocks = (p.outputs + L - 1) / L;
  const int64_t g_before = larger(0, kt - 1 - p.time_before);

 public:
  const Workspace<V> work;  // after what its size depends on
};

}  // namespace
}  // namespace plexiform::factored

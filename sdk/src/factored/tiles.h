// The inner loops of the factored convolution, for one kind of vector V. Included by one file per instruction set;
// everything is local to that file, so that no other file gets code for a machine that it may not run on.
//   V::Real, V::lanes, load, store, broadcast, zero, plus, fma
//   V::pin          keeps a value in its register
//   V::tile         sums that fit the registers beside one weight
//   V::Part         V or, where that is two registers, one of them, which slide() works with: Part::slide sums, Part::run
//                   weights
//   V::side, turn   the square that is transposed in registers
//   of V::Part also minus, times, fms, fnma, and Part::pairs, complex sums that fit the registers beside one factor
// Planes of numbers for all lanes lie as [part][position][lane of the part], `apart` numbers from one part to the next:
// slide() works with one part at a time, and what it goes through again and again is half as large so (high-res layer 1, a
// frame of a stream: 1.1 -> 0.6 ms).
// Two loops do the work. spread() is limited by loads, one for each multiply-add of V (half of one where V is two
// registers); slide() needs half as many and is taken where taps are as far apart as the sums.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#define PLEXIFORM_INLINE inline __attribute__((always_inline))

namespace plexiform::factored {
namespace {

PLEXIFORM_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
PLEXIFORM_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

struct Range {  // [first, last), empty where last <= first
  int64_t first, last;
  PLEXIFORM_INLINE int64_t size() const { return larger(0, last - first); }
};

// Of a part of `count` things.
PLEXIFORM_INLINE Range share(int64_t count, int part, int parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

// body.operator()<N>(first) for tiles of nearly equal size, N <= Most, that cover `count` >= 0.
template <int Most, class Body>
PLEXIFORM_INLINE void in_tiles(int64_t count, Body&& body) {
  if (count <= 0) return;
  const int64_t tiles = (count + Most - 1) / Most, small = count / tiles, large = count % tiles;
  auto run = [&]<int N>() {
    int64_t first = 0;
    if constexpr (N < Most) {
      for (; first < large * (N + 1); first += N + 1) body.template operator()<N + 1>(first);
    }
    for (; first < count; first += N) body.template operator()<N>(first);
  };
  [&]<int... M>(std::integer_sequence<int, M...>) {
    (void)((small == M + 1 && (run.template operator()<M + 1>(), true)) || ...);
  }(std::make_integer_sequence<int, Most>());
}

// From one part of the lanes to the next, of each operand.
struct Apart {
  int64_t out, w, z = 0;
  template <class V>
  static constexpr Apart of() {  // side by side
    return {V::Part::lanes, V::Part::lanes, V::Part::lanes};
  }
};

struct Steps {  // of two nested sums: how many, and how far apart
  int64_t outer = 0, inner = 1;
};

// out[n][lane] (+)= sum_k1,k2 w[k1,k2][lane] x[k1,k2,n]: each number of x meets all lanes.
//   at(n)  where out[n] lies
//   Step   between the n of x; 0: known only at run time, `step`
template <class V, int N, int64_t Step, class Real, class At>
PLEXIFORM_INLINE void spread(Real* out, At at, const Real* w, Steps w_step, const Real* x, Steps x_step, int64_t step,
                             Steps count, bool add, Apart apart = Apart::of<V>()) {
  V sum[N];
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) sum[n] = add ? V::load(out + at(n), apart.out) : V::zero();
  const int64_t s = Step ? Step : step;
  for (int64_t k1 = 0; k1 < count.outer; ++k1) {
    const Real *wk = w + k1 * w_step.outer, *xk = x + k1 * x_step.outer;
    for (int64_t k2 = 0; k2 < count.inner; ++k2, wk += w_step.inner, xk += x_step.inner) {
      V weight = V::load(wk, apart.w);
      weight.pin();
      const Real* group = xk;  // addresses of four n share one register
#pragma GCC unroll 32
      for (int n = 0; n < N; ++n) {
        if (!Step && n && n % 4 == 0) group += 4 * s;
        sum[n] = V::fma(weight, V::broadcast(Step ? xk + n * Step : group + (n % 4) * s), sum[n]);
      }
    }
  }
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) sum[n].store(out + at(n), apart.out);
}

// Strides of slide().
struct Slide {
  int64_t out = 0;           // between outputs
  int64_t z_row = 0, z = 0;  // between rows of z; between what neighbouring outputs or taps meet
  int64_t w_row = 0, w = 0;  // between rows and columns of taps
  int64_t out_group = 0, z_group = 0, w_group = 0;
  int64_t rows = 1, columns = 1;  // how many taps
};

// A run of C taps: each z that is loaded meets all of them.
template <class V, int N, int C, bool Spread, class Real>
PLEXIFORM_INLINE void slide_over(V* sum, const Real* z, int64_t z_step, const Real* w, int64_t w_step) {
  V weight[C];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) weight[c] = V::load(w + c * w_step), weight[c].pin();
#pragma GCC unroll 40
  for (int m = 0; m < N + C - 1; ++m, z += z_step) {
    V value = Spread ? V::broadcast(z) : V::load(z);
    value.pin();
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      if (m - c >= 0 && m - c < N) sum[m - c] = V::fma(weight[c], value, sum[m - c]);
    }
  }
}

// A filter whose taps are as far apart as its outputs, for G groups at once:
//   out[g,n][lane] (+)= sum_a,c w[a,c][lane] z[g, a, c + n][lane]
// or, Total, the sums for N taps, where w is the gradient:
//   out[n][lane]   (+)= sum_g,a,c w[g,a,c][lane] z[g, a, c + n][lane]
// Spread: z has one number for all lanes.
template <class V, int N, int G, bool Total, bool Spread = false, class Real>
PLEXIFORM_INLINE void slide(Real* out, const Real* z, const Real* w, const Slide& step, bool add,
                            Apart apart = Apart::of<V>()) {
  using Part = typename V::Part;
  constexpr int run = Part::run;
  for (int64_t lane = 0; lane < V::lanes;
       lane += Part::lanes, out += apart.out, z += Spread ? 0 : apart.z, w += apart.w) {
    Part sum[G][N];
#pragma GCC unroll 32
    for (int g = 0; g < G; ++g) {
#pragma GCC unroll 32
      for (int n = 0; n < N; ++n) {
        const bool load = add && (!Total || g == 0);
        sum[g][n] = load ? Part::load(out + n * step.out + (Total ? 0 : g * step.out_group)) : Part::zero();
      }
    }
    const Real *wc = w, *zc = z;
    // Rows within a run of columns: one long loop rather than many short ones.
    auto over = [&]<int C>() __attribute__((always_inline)) {
      const Real *wa = wc, *za = zc;
      for (int64_t a = 0; a < step.rows; ++a, wa += step.w_row, za += step.z_row) {
#pragma GCC unroll 32
        for (int g = 0; g < G; ++g)
          slide_over<Part, N, C, Spread>(sum[g], za + g * step.z_group, step.z, wa + g * step.w_group, step.w);
      }
      wc += C * step.w, zc += C * step.z;
    };
    int64_t left = step.columns;
    for (; left >= run; left -= run) over.template operator()<run>();
    if constexpr (run > 4) {
      if (left == 4) over.template operator()<4>();
    }
    if (run > 3 && left == 3) over.template operator()<3>();
    if (run > 2 && left == 2) over.template operator()<2>();
    if (left == 1) over.template operator()<1>();
#pragma GCC unroll 32
    for (int n = 0; n < N; ++n) {
      if constexpr (Total) {
#pragma GCC unroll 32
        for (int g = 1; g < G; ++g) sum[0][n] = Part::plus(sum[0][n], sum[g][n]);
        sum[0][n].store(out + n * step.out);
      } else {
#pragma GCC unroll 32
        for (int g = 0; g < G; ++g) sum[g][n].store(out + n * step.out + g * step.out_group);
      }
    }
  }
}

// body.operator()<N, G>(n, g) for `count` outputs or taps and `groups`, N and G of them at a time: what fills a tile.
template <class V, class Body>
PLEXIFORM_INLINE void in_groups(int64_t count, int64_t groups, Body&& body) {
  constexpr int most = V::Part::slide;
  in_tiles<most>(count, [&]<int N>(int64_t n) {
    constexpr int G = most / N;
    int64_t g = 0;
    if constexpr (G > 1) {
      for (; g + G <= groups; g += G) body.template operator()<N, G>(n, g);
    }
    for (; g < groups; ++g) body.template operator()<N, 1>(n, g);
  });
}

// out[c][r] = in[r][c]
template <class V, class Real>
inline void transpose(const Real* in, int64_t in_row, Real* out, int64_t out_row, int64_t rows, int64_t columns) {
  constexpr int64_t side = V::side;  // of the square that V turns in registers
  const int64_t whole_rows = rows / side * side, whole_columns = columns / side * side;
  for (int64_t c = 0; c < whole_columns; c += side) {
    for (int64_t r = 0; r < whole_rows; r += side) V::turn(in + r * in_row + c, in_row, out + c * out_row + r, out_row);
  }
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) out[c * out_row + r] = in[r * in_row + c];
  }
}

// planes[part][n * plane_step][lane] and rows[lane][n], n < count, into each other; of the first `lanes` lanes.
template <class V, class Real>
inline void to_rows(const Real* planes, int64_t apart, int64_t plane_step, Real* rows, int64_t row, int64_t count,
                    int64_t lanes) {
  constexpr int64_t P = V::Part::lanes;
  for (int64_t lane = 0; lane < lanes; lane += P, planes += apart, rows += P * row)
    transpose<V>(planes, plane_step, rows, row, count, smaller(P, lanes - lane));
}
template <class V, class Real>
inline void from_rows(const Real* rows, int64_t row, Real* planes, int64_t apart, int64_t plane_step, int64_t count,
                      int64_t lanes) {
  constexpr int64_t P = V::Part::lanes;
  for (int64_t lane = 0; lane < lanes; lane += P, planes += apart, rows += P * row)
    transpose<V>(rows, row, planes, plane_step, smaller(P, lanes - lane), count);
}

template <class Real>
PLEXIFORM_INLINE void clear(Real* out, int64_t count) {
  std::memset(out, 0, static_cast<size_t>(count) * sizeof(Real));
}

}  // namespace
}  // namespace plexiform::factored

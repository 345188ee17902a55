// The inner loops of the factored convolution, for one kind of vector V. Included by one file per instruction set, after
// its V: everything is local to that file, so that no other file gets code for a machine that it may not run on.
//   V::Real, V::lanes, load, store, broadcast, zero, plus, fma, pin
//   V::tile       sums that fit the registers beside one weight
//   V::Part       V or the half of it that slide() works with; V::Part::slide  its sums, beside four weights
//   V::side, turn  the square that is transposed in registers
// A tile is N accumulators of one V; the functions are inlined for each N.
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
  }
  (std::make_integer_sequence<int, Most>());
}

struct Steps {  // of two nested sums: how many, and how far apart
  int64_t outer = 0, inner = 1;
};

// out[n][lane] (+)= sum_k1,k2 w[k1,k2][lane] x[k1,k2,n]: each number of x meets all lanes.
//   at(n)  where out[n] lies
//   Step   between the n of x; 0: known only at run time, `step`
template <class V, int N, int64_t Step, class Real, class At>
PLEXIFORM_INLINE void spread(Real* out, At at, const Real* w, Steps w_step, const Real* x, Steps x_step, int64_t step,
                             Steps count, bool add) {
  V sum[N];
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) sum[n] = add ? V::load(out + at(n)) : V::zero();
  const int64_t s = Step ? Step : step;
  for (int64_t k1 = 0; k1 < count.outer; ++k1) {
    const Real *wk = w + k1 * w_step.outer, *xk = x + k1 * x_step.outer;
    for (int64_t k2 = 0; k2 < count.inner; ++k2, wk += w_step.inner, xk += x_step.inner) {
      V weight = V::load(wk);
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
  for (int n = 0; n < N; ++n) sum[n].store(out + at(n));
}

// out[n][lane] (+)= sum_a,c w[a,c][lane] z[a, c step + n][lane], n next to each other in out and z.
template <class V, int N, class Real>
PLEXIFORM_INLINE void filter(Real* out, const Real* z, Steps z_step, const Real* w, Steps w_step, Steps count,
                             bool add) {
  V sum[N];
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) sum[n] = add ? V::load(out + n * V::lanes) : V::zero();
  for (int64_t a = 0; a < count.outer; ++a) {
    const Real *wa = w + a * w_step.outer, *za = z + a * z_step.outer;
    for (int64_t c = 0; c < count.inner; ++c, wa += w_step.inner, za += z_step.inner) {
      V weight = V::load(wa);
      weight.pin();
#pragma GCC unroll 32
      for (int n = 0; n < N; ++n) sum[n] = V::fma(weight, V::load(za + n * V::lanes), sum[n]);
    }
  }
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) sum[n].store(out + n * V::lanes);
}

// One run of taps for slide(): each z that is loaded meets all of C weights.
template <class V, int N, int C, int64_t L, class Real>
PLEXIFORM_INLINE void slide_over(V* sum, const Real* z, const Real* w, int64_t w_step) {
  V weight[C];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) weight[c] = V::load(w + c * w_step), weight[c].pin();
#pragma GCC unroll 40
  for (int m = 0; m < N + C - 1; ++m) {
    V value = V::load(z + m * L);
    value.pin();
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      if (m - c >= 0 && m - c < N) sum[m - c] = V::fma(weight[c], value, sum[m - c]);
    }
  }
}

// out[n][lane] (+)= sum_a,c w[a,c][lane] z[a, c + n][lane], n next to each other in out and z: a filter whose taps are as
// far apart as the outputs, or the sums for N taps over a row of c. Needs half the loads of filter().
template <class V, int N, class Real>
PLEXIFORM_INLINE void slide(Real* out, const Real* z, int64_t z_row, const Real* w, Steps w_step, Steps count,
                            bool add) {
  constexpr int64_t L = V::lanes;
  constexpr int run = 4;
  using Part = typename V::Part;
  for (int64_t lane = 0; lane < L; lane += Part::lanes) {
    Part sum[N];
#pragma GCC unroll 32
    for (int n = 0; n < N; ++n) sum[n] = add ? Part::load(out + n * L + lane) : Part::zero();
    for (int64_t a = 0; a < count.outer; ++a) {
      const Real *wa = w + a * w_step.outer + lane, *za = z + a * z_row + lane;
      int64_t c = 0;
      for (; c + run <= count.inner; c += run, wa += run * w_step.inner, za += run * L)
        slide_over<Part, N, run, L>(sum, za, wa, w_step.inner);
      if (count.inner - c == 3) slide_over<Part, N, 3, L>(sum, za, wa, w_step.inner);
      if (count.inner - c == 2) slide_over<Part, N, 2, L>(sum, za, wa, w_step.inner);
      if (count.inner - c == 1) slide_over<Part, N, 1, L>(sum, za, wa, w_step.inner);
    }
#pragma GCC unroll 32
    for (int n = 0; n < N; ++n) sum[n].store(out + n * L + lane);
  }
}

// taps[n][lane] += sum_r,k g[r,k][lane] z[r, k + n tap][lane], k next to each other in g and z.
template <class V, int N, class Real>
PLEXIFORM_INLINE void correlate(Real* taps, const Real* g, int64_t g_row, const Real* z, int64_t z_row, int64_t tap,
                                Steps count) {
  // Few taps are summed in turn for odd and even k: one sum would wait for itself.
  constexpr int turns = N <= V::tile / 2 ? 2 : 1;
  constexpr int64_t L = V::lanes;
  V sum[turns][N];
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) {
    sum[0][n] = V::load(taps + n * L);
    if constexpr (turns == 2) sum[1][n] = V::zero();
  }
  for (int64_t r = 0; r < count.outer; ++r) {
    const Real *gk = g + r * g_row, *zk = z + r * z_row;
    auto meet = [&](V * sums) __attribute__((always_inline)) {
      V gradient = V::load(gk);
      gradient.pin();
      const Real* group = zk;
#pragma GCC unroll 32
      for (int n = 0; n < N; ++n) {
        if (n && n % 4 == 0) group += 4 * tap;
        sums[n] = V::fma(gradient, V::load(group + (n % 4) * tap), sums[n]);
      }
      gk += L, zk += L;
    };
    int64_t k = 0;
    if constexpr (turns == 2) {
      for (; k + 2 <= count.inner; k += 2) meet(sum[0]), meet(sum[1]);
    }
    for (; k < count.inner; ++k) meet(sum[0]);
  }
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) {
    if constexpr (turns == 2) sum[0][n] = V::plus(sum[0][n], sum[1][n]);
    sum[0][n].store(taps + n * L);
  }
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

template <class Real>
PLEXIFORM_INLINE void clear(Real* out, int64_t count) {
  std::memset(out, 0, static_cast<size_t>(count) * sizeof(Real));
}

}  // namespace
}  // namespace plexiform::factored

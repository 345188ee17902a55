// Fourier transforms of lines of complex numbers, for all lanes of V at once: Stockham's algorithm (autosorted, decimation
// in frequency; Van Loan, Computational Frameworks for the Fast Fourier Transform, 1992, section 1.7), radix 2 to 10.
// Not normalised. A complex number lies as [re lanes][im lanes].
#pragma once

#include <cmath>
#include <numbers>

#include "tiles.h"

namespace plexiform::factored {
namespace {

// exp(2 pi i k / n) for k < n, as [k][re, im]
template <class Real>
void fill_roots(Real* roots, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
    roots[2 * k] = static_cast<Real>(std::cos(angle)), roots[2 * k + 1] = static_cast<Real>(std::sin(angle));
  }
}

template <class V>
struct Complex {
  V re, im;
  using Real = typename V::Real;

  PLEXIFORM_INLINE static Complex load(const Real* from) { return {V::load(from), V::load(from + V::lanes)}; }
  PLEXIFORM_INLINE static Complex zero() { return {V::zero(), V::zero()}; }
  PLEXIFORM_INLINE void store(Real* to) const { re.store(to), im.store(to + V::lanes); }
  PLEXIFORM_INLINE friend Complex operator+(Complex a, Complex b) { return {V::plus(a.re, b.re), V::plus(a.im, b.im)}; }
  PLEXIFORM_INLINE friend Complex operator-(Complex a, Complex b) {
    return {V::minus(a.re, b.re), V::minus(a.im, b.im)};
  }
  PLEXIFORM_INLINE Complex times(V c) const { return {V::times(re, c), V::times(im, c)}; }
  // this c + sum
  PLEXIFORM_INLINE Complex fma(V c, Complex sum) const { return {V::fma(re, c, sum.re), V::fma(im, c, sum.im)}; }
  // Times (c + i s), or, Conjugate, (c - i s)
  template <bool Conjugate>
  PLEXIFORM_INLINE Complex turned(V c, V s) const {
    if constexpr (Conjugate) return {V::fma(re, c, V::times(im, s)), V::fms(im, c, V::times(re, s))};
    return {V::fms(re, c, V::times(im, s)), V::fma(im, c, V::times(re, s))};
  }
  // Times i, or, Conjugate, -i
  template <bool Conjugate>
  PLEXIFORM_INLINE Complex quarter() const {
    if constexpr (Conjugate) return {im, V::minus(V::zero(), re)};
    return {V::minus(V::zero(), im), re};
  }
};

// b_k = sum_j a_j exp(+- 2 pi i j k / R); Forward: -.
template <bool Forward, int R, class V>
PLEXIFORM_INLINE void butterfly(Complex<V>* a) {
  using C = Complex<V>;
  using Real = typename V::Real;
  auto number = [](double x) {
    const Real real = static_cast<Real>(x);
    return V::broadcast(&real);
  };
  // a + i b and a - i b, the other way round if Forward
  auto sum_i = [](C x, C y) __attribute__((always_inline)) {
    return Forward ? C{V::plus(x.re, y.im), V::minus(x.im, y.re)} : C{V::minus(x.re, y.im), V::plus(x.im, y.re)};
  };
  auto difference_i = [](C x, C y) __attribute__((always_inline)) {
    return Forward ? C{V::minus(x.re, y.im), V::plus(x.im, y.re)} : C{V::plus(x.re, y.im), V::minus(x.im, y.re)};
  };
  if constexpr (R == 2) {
    const C sum = a[0] + a[1];
    a[1] = a[0] - a[1], a[0] = sum;
  } else if constexpr (R == 3) {
    const C sum = a[1] + a[2], across = (a[1] - a[2]).times(number(0.86602540378443864676)),
            middle = sum.fma(number(-0.5), a[0]);
    a[0] = a[0] + sum, a[1] = sum_i(middle, across), a[2] = difference_i(middle, across);
  } else if constexpr (R == 4) {
    const C even = a[0] + a[2], odd = a[1] + a[3], low = a[0] - a[2], high = a[1] - a[3];
    a[0] = even + odd, a[2] = even - odd, a[1] = sum_i(low, high), a[3] = difference_i(low, high);
  } else if constexpr (R == 5) {
    const V c1 = number(0.30901699437494742410), c2 = number(-0.80901699437494742410);
    const V s1 = number(0.95105651629515357212), s2 = number(0.58778525229247312917);
    const C near = a[1] + a[4], far = a[2] + a[3], d1 = a[1] - a[4], d2 = a[2] - a[3];
    const C m1 = far.fma(c2, near.fma(c1, a[0])), m2 = far.fma(c1, near.fma(c2, a[0]));
    const C n1 = d2.fma(s2, d1.times(s1));
    const C x = d2.times(s1), n2 = {V::fms(d1.re, s2, x.re), V::fms(d1.im, s2, x.im)};
    a[0] = a[0] + near + far;
    a[1] = sum_i(m1, n1), a[4] = difference_i(m1, n1), a[2] = sum_i(m2, n2), a[3] = difference_i(m2, n2);
  } else if constexpr (R == 8) {
    C even[4] = {a[0], a[2], a[4], a[6]}, odd[4] = {a[1], a[3], a[5], a[7]};
    butterfly<Forward, 4>(even), butterfly<Forward, 4>(odd);
    const V half = number(0.70710678118654752440);
    // odd[k] exp(+- 2 pi i k / 8)
    odd[1] = sum_i(odd[1], odd[1]).times(half);
    odd[3] = sum_i(C::zero() - odd[3], odd[3]).times(half);
    a[0] = even[0] + odd[0], a[4] = even[0] - odd[0];
    a[1] = even[1] + odd[1], a[5] = even[1] - odd[1];
    a[2] = sum_i(even[2], odd[2]), a[6] = difference_i(even[2], odd[2]);
    a[3] = even[3] + odd[3], a[7] = even[3] - odd[3];
  } else if constexpr (R == 9) {
    C b[3][3] = {{a[0], a[3], a[6]}, {a[1], a[4], a[7]}, {a[2], a[5], a[8]}};
    butterfly<Forward, 3>(b[0]), butterfly<Forward, 3>(b[1]), butterfly<Forward, 3>(b[2]);
    // b[j][k] exp(+- 2 pi i j k / 9)
    b[1][1] = b[1][1].template turned<Forward>(number(0.76604444311897803520), number(0.64278760968653932632));
    b[1][2] = b[1][2].template turned<Forward>(number(0.17364817766693034885), number(0.98480775301220805937));
    b[2][1] = b[2][1].template turned<Forward>(number(0.17364817766693034885), number(0.98480775301220805937));
    b[2][2] = b[2][2].template turned<Forward>(number(-0.93969262078590838405), number(0.34202014332566873304));
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) {
      C c[3] = {b[0][k], b[1][k], b[2][k]};
      butterfly<Forward, 3>(c);
      a[k] = c[0], a[k + 3] = c[1], a[k + 6] = c[2];
    }
  } else {  // 2 x 3 or 2 x 5, without roots between: Good and Thomas's order of the numbers
    static_assert(R == 6 || R == 10);
    constexpr int H = R / 2;
    C b[2][H];
#pragma GCC unroll 5
    for (int k = 0; k < H; ++k) b[0][k] = a[2 * k], b[1][k] = a[(H + 2 * k) % R];
    butterfly<Forward, H>(b[0]), butterfly<Forward, H>(b[1]);
#pragma GCC unroll 5
    for (int k = 0; k < H; ++k) a[(H + 1) * k % R] = b[0][k] + b[1][k], a[(H + (H + 1) * k) % R] = b[0][k] - b[1][k];
  }
}

// Where the numbers of a line lie: position k in slot (k + shift) mod n, of which there are `count`; the others are zeros
// that are not there: `none`, a number to read as 0 or to overwrite, stands for them.
template <class Real>
struct Line {
  Real* at;
  int64_t step, count, shift = 0;
  Real* none = nullptr;

  bool whole(int64_t n) const { return count == n && shift == 0; }
  template <bool Gaps>
  PLEXIFORM_INLINE Real* slot(int64_t k, int64_t n) const {
    if constexpr (!Gaps) return at + k * step;
    k += shift;
    k = k < n ? k : k - n;
    return k < count ? at + k * step : none;
  }
};

struct Stage {
  int64_t n, done;  // length of the line; product of the radices before
};

// A transform of n numbers, a product of 2, 3 and 5: its roots, fill_roots(), and the radices of its stages.
template <class Real>
struct Fourier {
  int64_t n;
  const Real* roots;
  int radices = 0, radix[8] = {};

  Fourier(int64_t length, const Real* own_roots) : n(length), roots(own_roots) {
    for (int64_t rest = n; rest > 1; rest /= radix[radices++]) radix[radices] = largest(rest);
  }

 private:
  // What leaves a radix, or nothing, if there is such.
  static int largest(int64_t n) {
    constexpr int all[] = {10, 9, 8, 6, 5, 4, 3, 2};
    int first = 0;
    for (const int r : all) {
      if (n % r != 0) continue;
      if (n / r <= 10 && n / r != 2) return r;
      if (first == 0) first = r;
    }
    return first;
  }
};

// Gaps: whether the line has any. Last: there is no root left to multiply by.
// Lines are handed on by reference: a copy would read at once what was just written field by field, and the processor waits
// for that (a tenth of low-res layer 2).
template <class V, bool Forward, int R, bool FromGaps, bool ToGaps, bool Last, class Real>
__attribute__((noinline)) void fourier_stage(const Line<const Real>& from_line, const Line<Real>& to_line,
                                             const Stage& stage, const Real* roots) {
  using C = Complex<V>;
  const Line<const Real> from = from_line;
  const Line<Real> to = to_line;
  const int64_t n = stage.n, s = stage.done, m = Last ? 1 : n / (s * R);
  for (int64_t p = 0; p < m; ++p) {
    for (int64_t q = 0; q < s; ++q) {
      C a[R];
#pragma GCC unroll 10
      for (int k = 0; k < R; ++k) a[k] = C::load(from.template slot<FromGaps>(q + s * (p + k * m), n));
      butterfly<Forward, R>(a);
#pragma GCC unroll 10
      for (int k = 0; k < R; ++k) {
        if (!Last && k > 0) {
          const Real* const root = roots + 2 * p * k * s;
          a[k] = a[k].template turned<Forward>(V::broadcast(root), V::broadcast(root + 1));
        }
        a[k].store(to.template slot<ToGaps>(q + s * (Last ? k : R * p + k), n));
      }
    }
  }
}

template <class V, bool Forward, bool FromGaps, bool ToGaps, bool Last, class Real>
PLEXIFORM_INLINE void fourier_stage(int64_t radix, const Line<const Real>& from, const Line<Real>& to,
                                    const Stage& stage, const Real* roots) {
  switch (radix) {
    case 10:
      return fourier_stage<V, Forward, 10, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 9:
      return fourier_stage<V, Forward, 9, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 8:
      return fourier_stage<V, Forward, 8, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 6:
      return fourier_stage<V, Forward, 6, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 5:
      return fourier_stage<V, Forward, 5, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 4:
      return fourier_stage<V, Forward, 4, FromGaps, ToGaps, Last>(from, to, stage, roots);
    case 3:
      return fourier_stage<V, Forward, 3, FromGaps, ToGaps, Last>(from, to, stage, roots);
    default:
      return fourier_stage<V, Forward, 2, FromGaps, ToGaps, Last>(from, to, stage, roots);
  }
}

// Lines without gaps, between stages above all, have faster ones.
template <class V, bool Forward, bool Last, class Real>
PLEXIFORM_INLINE void fourier_stage(int64_t radix, const Line<const Real>& from, const Line<Real>& to,
                                    const Stage& stage, const Real* roots) {
  if (!from.whole(stage.n)) return fourier_stage<V, Forward, true, Last, Last>(radix, from, to, stage, roots);
  if (Last && !to.whole(stage.n)) return fourier_stage<V, Forward, false, Last, Last>(radix, from, to, stage, roots);
  fourier_stage<V, Forward, false, false, Last>(radix, from, to, stage, roots);
}

// A line; scratch: 2 n complex numbers, apart from both lines.
template <class V, bool Forward, class Real>
void fourier(const Fourier<Real>& f, const Line<const Real>& from, const Line<Real>& to, Real* scratch) {
  constexpr int64_t step = 2 * V::lanes;
  const int64_t n = f.n;
  if (f.radices == 0) {
    Complex<V>::load(from.template slot<true>(0, 1)).store(to.template slot<true>(0, 1));
    return;
  }
  const int last = f.radices - 1;
  const Line<const Real>* in = &from;
  Line<const Real> between = {nullptr, step, n};
  Line<Real> here = {scratch, step, n}, next = {scratch + n * step, step, n};
  int64_t done = 1;
  for (int k = 0; k < last; ++k) {
    fourier_stage<V, Forward, false>(f.radix[k], *in, here, {n, done}, f.roots);
    between.at = here.at, in = &between;
    done *= f.radix[k];
    std::swap(here.at, next.at);
  }
  fourier_stage<V, Forward, true>(f.radix[last], *in, to, {n, done}, f.roots);
}

}  // namespace
}  // namespace plexiform::factored

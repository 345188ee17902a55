// Factored convolution for x86 with AVX2 and FMA. Standard headers come before the pragma: their inline functions are
// shared with files for machines that have neither.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <cstring>
#include <utility>

#include "factored.h"

#pragma GCC target("avx2,fma")

#include "passes.h"
#include "turn8.h"

namespace plexiform::factored {
namespace {

struct One {
  using Real = float;
  using Part = One;
  static constexpr int lanes = 8, tile = 12, slide = 12, run = 2, side = 8, pairs = 4;
  __m256 v;

  PLEXIFORM_INLINE static One load(const float* from, int64_t = 0) { return {_mm256_loadu_ps(from)}; }
  PLEXIFORM_INLINE static One broadcast(const float* from) { return {_mm256_broadcast_ss(from)}; }
  PLEXIFORM_INLINE static One zero() { return {_mm256_setzero_ps()}; }
  PLEXIFORM_INLINE static One fma(One a, One b, One sum) { return {_mm256_fmadd_ps(a.v, b.v, sum.v)}; }
  PLEXIFORM_INLINE static One fms(One a, One b, One less) { return {_mm256_fmsub_ps(a.v, b.v, less.v)}; }
  PLEXIFORM_INLINE static One fnma(One a, One b, One sum) { return {_mm256_fnmadd_ps(a.v, b.v, sum.v)}; }
  PLEXIFORM_INLINE static One times(One a, One b) { return {_mm256_mul_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE static One minus(One a, One b) { return {_mm256_sub_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE static One plus(One a, One b) { return {_mm256_add_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE void store(float* to, int64_t = 0) const { _mm256_storeu_ps(to, v); }
  // Stays in its register: gcc would load it again for each multiplication.
  PLEXIFORM_INLINE void pin() { asm("" : "+x"(v)); }
  PLEXIFORM_INLINE static void turn(const float* in, int64_t in_row, float* out, int64_t out_row) {
    turn8(in, in_row, out, out_row);
  }
};

struct Two {
  using Real = float;
  using Part = One;
  static constexpr int lanes = 16, tile = 6, side = 8;
  One a, b;

  PLEXIFORM_INLINE static Two load(const float* from, int64_t apart = 8) {
    return {One::load(from), One::load(from + apart)};
  }
  PLEXIFORM_INLINE static Two broadcast(const float* from) {
    One one = One::broadcast(from);
    one.pin();
    return {one, one};
  }
  PLEXIFORM_INLINE static Two zero() { return {One::zero(), One::zero()}; }
  PLEXIFORM_INLINE static Two fma(Two a, Two b, Two sum) {
    return {One::fma(a.a, b.a, sum.a), One::fma(a.b, b.b, sum.b)};
  }
  PLEXIFORM_INLINE static Two plus(Two a, Two b) { return {One::plus(a.a, b.a), One::plus(a.b, b.b)}; }
  PLEXIFORM_INLINE void store(float* to, int64_t apart = 8) const { a.store(to), b.store(to + apart); }
  PLEXIFORM_INLINE void pin() { a.pin(), b.pin(); }
  PLEXIFORM_INLINE static void turn(const float* in, int64_t in_row, float* out, int64_t out_row) {
    turn8(in, in_row, out, out_row);
  }
};

}  // namespace

extern const Kernels<float> avx2_8 = passes<One>("AVX2"), avx2_16 = passes<Two>("AVX2");

}  // namespace plexiform::factored
#endif

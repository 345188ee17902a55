// Factored convolution for x86 with AVX-512. As avx2.cpp.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <cstring>
#include <utility>

#include "factored.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx2,fma")

#include "passes.h"
#include "turn8.h"

namespace plexiform::factored {
namespace {

struct Wide {
  using Real = float;
  using Part = Wide;
  static constexpr int lanes = 16, tile = 16, slide = 16, run = 4, side = 8, pairs = 8;
  __m512 v;

  PLEXIFORM_INLINE static Wide load(const float* from, int64_t = 0) { return {_mm512_loadu_ps(from)}; }
  PLEXIFORM_INLINE static Wide broadcast(const float* from) { return {_mm512_set1_ps(*from)}; }
  PLEXIFORM_INLINE static Wide zero() { return {_mm512_setzero_ps()}; }
  PLEXIFORM_INLINE static Wide fma(Wide a, Wide b, Wide sum) { return {_mm512_fmadd_ps(a.v, b.v, sum.v)}; }
  PLEXIFORM_INLINE static Wide fms(Wide a, Wide b, Wide less) { return {_mm512_fmsub_ps(a.v, b.v, less.v)}; }
  PLEXIFORM_INLINE static Wide fnma(Wide a, Wide b, Wide sum) { return {_mm512_fnmadd_ps(a.v, b.v, sum.v)}; }
  PLEXIFORM_INLINE static Wide times(Wide a, Wide b) { return {_mm512_mul_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE static Wide minus(Wide a, Wide b) { return {_mm512_sub_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE static Wide plus(Wide a, Wide b) { return {_mm512_add_ps(a.v, b.v)}; }
  PLEXIFORM_INLINE void store(float* to, int64_t = 0) const { _mm512_storeu_ps(to, v); }
  PLEXIFORM_INLINE void pin() { asm("" : "+v"(v)); }
  PLEXIFORM_INLINE static void turn(const float* in, int64_t in_row, float* out, int64_t out_row) {
    turn8(in, in_row, out, out_row);
  }
};

}  // namespace

extern const Kernels<float> avx512_16 = passes<Wide>("AVX-512");

}  // namespace plexiform::factored
#endif

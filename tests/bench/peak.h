// The most multiply-adds that one thread can do, measured: what a kernel's GFLOP/s are held against.
#pragma once

#include <ctime>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bench {

// CPU time of this thread, in seconds: other programs on the machine do not count.
inline double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

#if defined(__x86_64__)
#define BENCH_PEAK(name, instructions, Vector, lanes, splat, fma, in_register)                      \
  __attribute__((target(instructions))) inline double name() {                                      \
    constexpr int chains = 12, rounds = 1000000; /* more chains than two units times four cycles */ \
    double best = 1e9;                                                                              \
    for (int repeat = 0; repeat < 7; ++repeat) {                                                    \
      Vector sum[chains], half = splat(0.5f);                                                       \
      for (auto& s : sum) s = splat(0.25f);                                                         \
      const double start = thread_seconds();                                                        \
      for (int round = 0; round < rounds; ++round) {                                                \
        _Pragma("GCC unroll 12") for (auto& s : sum) {                                              \
          s = fma(half, s, half);                                                                   \
          asm volatile("" : in_register(s)); /* or equal chains would be made one */                \
        }                                                                                           \
      }                                                                                             \
      for (auto& s : sum) asm volatile("" : in_register(s));                                        \
      const double seconds = thread_seconds() - start;                                              \
      if (seconds < best) best = seconds;                                                           \
    }                                                                                               \
    return 2e-9 * lanes * chains * rounds / best;                                                   \
  }
BENCH_PEAK(peak_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps, "+x")
BENCH_PEAK(peak_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps, "+v")
#undef BENCH_PEAK

// GFLOP/s in float; 0 where there is neither AVX2 nor AVX-512.
inline double peak() {
  if (__builtin_cpu_supports("avx512f")) return peak_avx512();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? peak_avx2() : 0;
}
#else
inline double peak() { return 0; }
#endif

}  // namespace bench

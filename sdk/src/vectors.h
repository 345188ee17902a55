// Vectors of N float in the compiler's own types, for loops that are compiled once for each instruction set. Included by files
// that define their loops in an anonymous namespace: everything is local to that file.
#pragma once

#include <cstdint>
#include <cstring>

#define PLEXIFORM_ALWAYS __attribute__((always_inline))
#define PLEXIFORM_INLINE inline PLEXIFORM_ALWAYS

namespace plexiform {
namespace {

template <int N>
struct Types;
#define PLEXIFORM_TYPES(N)                                         \
  template <>                                                      \
  struct Types<N> {                                                \
    typedef float Reals __attribute__((vector_size(4 * N)));       \
    typedef uint32_t Integers __attribute__((vector_size(4 * N))); \
  };
PLEXIFORM_TYPES(4)
PLEXIFORM_TYPES(8)
PLEXIFORM_TYPES(16)
#undef PLEXIFORM_TYPES

template <int N>
struct Vector {
  using Reals = typename Types<N>::Reals;
  using Integers = typename Types<N>::Integers;

  // N numbers, or the first `count` of them, and `rest` for the others.
  template <bool whole>
  static PLEXIFORM_INLINE void load(Reals& v, const float* from, int64_t count, float rest = 0) {
    if constexpr (whole) {
      std::memcpy(&v, from, sizeof v);
    } else {
      float values[N];
      for (int k = 0; k < N; ++k) values[k] = k < count ? from[k] : rest;
      std::memcpy(&v, values, sizeof v);
    }
  }
  template <bool whole>
  static PLEXIFORM_INLINE void store(const Reals& v, float* to, int64_t count) {
    std::memcpy(to, &v, whole ? sizeof v : static_cast<size_t>(count) * sizeof(float));
  }
  static PLEXIFORM_INLINE double sum(const Reals& v) {
    float values[N];
    std::memcpy(values, &v, sizeof v);
    double all = 0;
    for (const float value : values) all += static_cast<double>(value);
    return all;
  }

  // body.operator()<true>(k, N) for whole vectors, then, if something is left, <false>(k, how much).
  template <class Body>
  static PLEXIFORM_INLINE void over(int64_t count, Body&& body) {
    int64_t k = 0;
    for (; k + N <= count; k += N) body.template operator()<true>(k, N);
    if (k < count) body.template operator()<false>(k, count - k);
  }
};

}  // namespace
}  // namespace plexiform

#include "normalise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "processor.h"

#define PLEXIFORM_ALWAYS __attribute__((always_inline))
#define PLEXIFORM_INLINE inline PLEXIFORM_ALWAYS

namespace plexiform::normalise {

Moments& Moments::operator+=(const Moments& other) {
  if (other.count == 0) return *this;
  const double difference = other.mean - mean, total = static_cast<double>(count + other.count);
  const double share = static_cast<double>(other.count) / total;
  deviations += other.deviations + difference * difference * static_cast<double>(count) * share;
  mean += difference * share;
  count += other.count;
  return *this;
}

namespace {

constexpr int64_t block_size = 1024;  // numbers: stays in the first cache between two passes

// N numbers in the compiler's vector types.
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

  // z > 0 ? z : exp(z) - 1, the latter as 2^n (exp(r) - 1) + (2^n - 1), z = n ln 2 + r, |r| <= ln 2 / 2: exact for small z.
  static PLEXIFORM_INLINE void elu(Reals& z) {
    constexpr float half_ulp = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const Reals zero = {}, least = zero - 87.0f;
    Reals x = z < least ? least : z;
    x = x > zero ? zero : x;
    const Reals shifted = x * 1.44269504f + half_ulp;
    const Reals n = shifted - half_ulp;
    const Reals r = (x - n * 0.693359375f) - n * -2.12194440e-4f;  // ln 2 in two parts
    // Taylor's series: its next term is below 2e-8 of r.
    Reals p = r * 1.98412698e-4f + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r;
    Integers bits;
    std::memcpy(&bits, &shifted, sizeof bits);  // the integer is in its low bits
    bits = (bits << 23) + (127u << 23);
    Reals power;
    std::memcpy(&power, &bits, sizeof power);
    z = z > zero ? z : power * p + (power - 1.0f);
  }

  static PLEXIFORM_INLINE void through_elu(Reals& dy, const Reals& y) { dy = y > Reals{} ? dy : dy * (y + 1.0f); }

  static PLEXIFORM_INLINE Moments moments(const float* x, int64_t count) {
    Moments all;
    for (int64_t first = 0; first < count; first += block_size) {
      const float* const block = x + first;
      const int64_t n = std::min(block_size, count - first);
      Reals total = {}, squares = {};
      over(n, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals v;
        load<whole>(v, block + k, left);
        total += v;
      });
      const double mean = sum(total) / static_cast<double>(n);
      const auto middle = static_cast<float>(mean);
      over(n, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals v;
        load<whole>(v, block + k, left, middle);
        v -= middle;
        squares += v * v;
      });
      const double rest = mean - static_cast<double>(middle);
      all += {mean, std::max(0.0, sum(squares) - rest * rest * static_cast<double>(n)), n};
    }
    return all;
  }

  static PLEXIFORM_INLINE void activate(const float* x, float* y, int64_t count, const Line& line) {
    const float slope = line.slope, mean = line.mean, offset = line.offset;
    over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals v;
      load<whole>(v, x + k, left);
      v = (v - mean) * slope + offset;
      elu(v);
      store<whole>(v, y + k, left);
    });
  }

  static PLEXIFORM_INLINE Sums sums(const float* x, const float* y, const float* dy, int64_t count, float mean) {
    Sums all;
    for (int64_t first = 0; first < count; first += block_size) {
      Reals of_dz = {}, of_dz_x = {};
      over(std::min(block_size, count - first), [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals in, out, dz;
        load<whole>(in, x + first + k, left), load<whole>(out, y + first + k, left);
        load<whole>(dz, dy + first + k, left);
        through_elu(dz, out);
        of_dz += dz;
        of_dz_x += dz * (in - mean);
      });
      all.dz += sum(of_dz);
      all.dz_x += sum(of_dz_x);
    }
    return all;
  }

  static PLEXIFORM_INLINE void gradient(const float* x, const float* y, const float* dy, float* dx, int64_t count,
                                        const Gradient& how) {
    const float a = how.a, b = how.b, c = how.c, mean = how.mean;
    over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals in, out, dz;
      load<whole>(in, x + k, left), load<whole>(out, y + k, left), load<whole>(dz, dy + k, left);
      through_elu(dz, out);
      dz = dz * a + (in - mean) * b + c;
      store<whole>(dz, dx + k, left);
    });
  }
};

#define PLEXIFORM_KERNELS(set, title, instructions, N)                                                  \
  namespace set {                                                                                       \
  instructions Moments moments(const float* x, int64_t count) { return Vector<N>::moments(x, count); }  \
  instructions void activate(const float* x, float* y, int64_t count, const Line& line) {               \
    Vector<N>::activate(x, y, count, line);                                                             \
  }                                                                                                     \
  instructions Sums sums(const float* x, const float* y, const float* dy, int64_t count, float mean) {  \
    return Vector<N>::sums(x, y, dy, count, mean);                                                      \
  }                                                                                                     \
  instructions void gradient(const float* x, const float* y, const float* dy, float* dx, int64_t count, \
                             const Gradient& how) {                                                     \
    Vector<N>::gradient(x, y, dy, dx, count, how);                                                      \
  }                                                                                                     \
  constexpr Kernels all = {title, moments, activate, sums, gradient};                                   \
  }
PLEXIFORM_KERNELS(plain, "plain C++", , 4)
#if defined(__x86_64__)
PLEXIFORM_KERNELS(avx2, "AVX2", __attribute__((target("avx2,fma"))), 8)
PLEXIFORM_KERNELS(avx512, "AVX-512", __attribute__((target("avx512f,avx512vl,avx512dq,avx2,fma"))), 16)
#endif
#undef PLEXIFORM_KERNELS

}  // namespace

Choice all_kernels() {
  Choice found;
#if defined(__x86_64__)
  if (has_avx512()) found.list[found.count++] = &avx512::all;
  if (has_avx2()) found.list[found.count++] = &avx2::all;
#endif
  found.list[found.count++] = &plain::all;
  return found;
}

const Kernels& kernels() {
  static const Kernels& best = *all_kernels().list[0];
  return best;
}

}  // namespace plexiform::normalise

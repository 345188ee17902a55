#include "normalise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "vectors.h"

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

template <int N>
struct Passes {
  using V = Vector<N>;
  using Reals = typename V::Reals;
  using Integers = typename V::Integers;

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
      V::over(n, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals v;
        V::template load<whole>(v, block + k, left);
        total += v;
      });
      const double mean = V::sum(total) / static_cast<double>(n);
      const auto middle = static_cast<float>(mean);
      V::over(n, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals v;
        V::template load<whole>(v, block + k, left, middle);
        v -= middle;
        squares += v * v;
      });
      const double rest = mean - static_cast<double>(middle);
      all += {mean, std::max(0.0, V::sum(squares) - rest * rest * static_cast<double>(n)), n};
    }
    return all;
  }

  static PLEXIFORM_INLINE void activate(const float* x, float* y, int64_t count, const Line& line) {
    const float slope = line.slope, mean = line.mean, offset = line.offset;
    V::over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals v;
      V::template load<whole>(v, x + k, left);
      v = (v - mean) * slope + offset;
      elu(v);
      V::template store<whole>(v, y + k, left);
    });
  }

  static PLEXIFORM_INLINE Sums sums(const float* x, const float* y, const float* dy, int64_t count, float mean) {
    Sums all;
    for (int64_t first = 0; first < count; first += block_size) {
      Reals of_dz = {}, of_dz_x = {};
      V::over(std::min(block_size, count - first), [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals in, out, dz;
        V::template load<whole>(in, x + first + k, left), V::template load<whole>(out, y + first + k, left);
        V::template load<whole>(dz, dy + first + k, left);
        through_elu(dz, out);
        of_dz += dz;
        of_dz_x += dz * (in - mean);
      });
      all.dz += V::sum(of_dz);
      all.dz_x += V::sum(of_dz_x);
    }
    return all;
  }

  static PLEXIFORM_INLINE void gradient(const float* x, const float* y, const float* dy, float* dx, int64_t count,
                                        const Gradient& how) {
    const float a = how.a, b = how.b, c = how.c, mean = how.mean;
    V::over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals in, out, dz;
      V::template load<whole>(in, x + k, left), V::template load<whole>(out, y + k, left),
          V::template load<whole>(dz, dy + k, left);
      through_elu(dz, out);
      dz = dz * a + (in - mean) * b + c;
      V::template store<whole>(dz, dx + k, left);
    });
  }
};

#define PLEXIFORM_KERNELS(set, title, instructions, N)                                                  \
  namespace set {                                                                                       \
  instructions Moments moments(const float* x, int64_t count) { return Passes<N>::moments(x, count); }  \
  instructions void activate(const float* x, float* y, int64_t count, const Line& line) {               \
    Passes<N>::activate(x, y, count, line);                                                             \
  }                                                                                                     \
  instructions Sums sums(const float* x, const float* y, const float* dy, int64_t count, float mean) {  \
    return Passes<N>::sums(x, y, dy, count, mean);                                                      \
  }                                                                                                     \
  instructions void gradient(const float* x, const float* y, const float* dy, float* dx, int64_t count, \
                             const Gradient& how) {                                                     \
    Passes<N>::gradient(x, y, dy, dx, count, how);                                                      \
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

Choice<Kernels> all_kernels() {
#if defined(__x86_64__)
  return runnable(plain::all, &avx2::all, &avx512::all);
#else
  return runnable(plain::all);
#endif
}

const Kernels& kernels() {
  static const Kernels& best = *all_kernels().list[0];
  return best;
}

}  // namespace plexiform::normalise

#include "cost_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vectors.h"

namespace plexiform::cost_kernels {
namespace {

constexpr int64_t block_size = 1024;  // numbers whose sum is in float

template <int N>
struct Passes {
  using V = Vector<N>;
  using Reals = typename V::Reals;
  using Integers = typename V::Integers;

  // ln x, where x = 2^e m and m is near 1, as e ln 2 + 2 artanh(s), s = (m - 1) / (m + 1). Of what is no normal positive number,
  // as std::log has it.
  static PLEXIFORM_INLINE void log(Reals& x) {
    constexpr float least = std::numeric_limits<float>::min(), most = std::numeric_limits<float>::max();
    const auto usual = (x >= least) & (x <= most);
    for (int k = 0; k < N; ++k) {
      if (usual[k]) continue;
      for (int l = 0; l < N; ++l) x[l] = std::log(x[l]);
      return;
    }
    Integers bits;
    std::memcpy(&bits, &x, sizeof bits);
    constexpr uint32_t half_root = 0x3f3504f3;  // sqrt(1/2): m is from there to sqrt(2)
    const Integers moved = bits - half_root, exponent = moved & 0xff800000u;
    bits -= exponent;
    Reals m;
    std::memcpy(&m, &bits, sizeof m);
    typedef int32_t Signed __attribute__((vector_size(4 * N)));
    Signed whole;
    std::memcpy(&whole, &exponent, sizeof whole);
    const Reals e = __builtin_convertvector(whole >> 23, Reals);
    const Reals f = m - 1.0f, s = f / (m + 1.0f), q = s * s;
    // artanh's series: its next term is below 1e-8 of s.
    Reals p = q * (1.0f / 9) + 1.0f / 7;
    p = p * q + 1.0f / 5;
    p = p * q + 1.0f / 3;
    // 2 s = f - s f, which keeps the digits of f; ln 2 in two parts.
    x = e * 0.693359375f + (f - (s * (f - 2.0f * q * p) + e * 2.12194440e-4f));
  }

  static PLEXIFORM_INLINE double poisson(const float* p, const float* t, int64_t count, float eps) {
    double all = 0;
    for (int64_t first = 0; first < count; first += block_size) {
      Reals total = {};
      V::over(std::min(block_size, count - first), [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
        Reals rate, spikes;
        V::template load<whole>(rate, p + first + k, left), V::template load<whole>(spikes, t + first + k, left);
        Reals cost = rate + eps;
        log(cost);
        cost = rate - spikes * cost;
        if constexpr (!whole) {
          for (int l = static_cast<int>(left); l < N; ++l) cost[l] = 0;
        }
        total += cost;
      });
      all += V::sum(total);
    }
    return all;
  }

  static PLEXIFORM_INLINE void poisson_gradient(const float* p, const float* t, float* dp, int64_t count, float eps,
                                                float scale) {
    V::over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals rate, spikes;
      V::template load<whole>(rate, p + k, left, 1), V::template load<whole>(spikes, t + k, left);
      V::template store<whole>(scale - scale * spikes / (rate + eps), dp + k, left);
    });
  }

  static PLEXIFORM_INLINE void correlation(const float* p, const float* t, float* rho, int64_t bins, int64_t row,
                                           int64_t count, float eps) {
    const auto n = static_cast<float>(bins);
    V::over(count, [&]<bool whole>(int64_t k, int64_t left) PLEXIFORM_ALWAYS {
      Reals first_a, first_b;
      V::template load<whole>(first_a, p + k, left), V::template load<whole>(first_b, t + k, left);
      // From the first bin's on: of what does not vary, exactly 0.
      auto each = [&](auto&& body) PLEXIFORM_ALWAYS {
        for (int64_t at = k; at < k + bins * row; at += row) {
          Reals a, b;
          V::template load<whole>(a, p + at, left), V::template load<whole>(b, t + at, left);
          a -= first_a, b -= first_b;
          body(a, b);
        }
      };
      Reals mean_a = {}, mean_b = {}, aa = {}, bb = {}, ab = {};
      each([&](const Reals& a, const Reals& b) PLEXIFORM_ALWAYS { mean_a += a, mean_b += b; });
      mean_a /= n, mean_b /= n;
      each([&](Reals a, Reals b) PLEXIFORM_ALWAYS {
        a -= mean_a, b -= mean_b;
        aa += a * a, bb += b * b, ab += a * b;
      });
      Reals norm = (aa / n + eps) * (bb / n + eps);
      for (int l = 0; l < N; ++l) norm[l] = std::sqrt(norm[l]);
      V::template store<whole>(ab / n / norm, rho + k, left);
    });
  }
};

#define PLEXIFORM_KERNELS(set, title, instructions, N)                                                                \
  namespace set {                                                                                                     \
  instructions double poisson(const float* p, const float* t, int64_t count, float eps) {                             \
    return Passes<N>::poisson(p, t, count, eps);                                                                      \
  }                                                                                                                   \
  instructions void poisson_gradient(const float* p, const float* t, float* dp, int64_t count, float eps,             \
                                     float scale) {                                                                   \
    Passes<N>::poisson_gradient(p, t, dp, count, eps, scale);                                                         \
  }                                                                                                                   \
  instructions void correlation(const float* p, const float* t, float* rho, int64_t bins, int64_t row, int64_t count, \
                                float eps) {                                                                          \
    Passes<N>::correlation(p, t, rho, bins, row, count, eps);                                                         \
  }                                                                                                                   \
  constexpr Kernels all = {title, poisson, poisson_gradient, correlation};                                            \
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

}  // namespace plexiform::cost_kernels

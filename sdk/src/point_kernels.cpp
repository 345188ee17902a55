#include "point_kernels.h"

#include <cstring>

#define PLEXIFORM_INLINE inline __attribute__((always_inline))

namespace plexiform::point_kernels {

namespace {

typedef float Reals __attribute__((vector_size(4 * lanes)));

// Through references and memory: a vector as an argument would be passed differently for each set of instructions.
PLEXIFORM_INLINE void load(Reals& v, const float* from) { std::memcpy(&v, from, sizeof v); }
PLEXIFORM_INLINE void add_to(float* to, const Reals& v) {
  Reals sum;
  load(sum, to);
  sum += v;
  std::memcpy(to, &sum, sizeof sum);
}
PLEXIFORM_INLINE float total(const Reals& v) {
  return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

PLEXIFORM_INLINE void read(Reals& sum, const Corners& at, int64_t k) {
  Reals x;
  load(x, at.pixel[0] + k);
  sum = x * at.share[0];
  for (int q = 1; q < 4; ++q) {
    load(x, at.pixel[q] + k);
    sum += x * at.share[q];
  }
}

PLEXIFORM_INLINE void forward_of(const Lines& lines, const Corners& at, const float* w, float* y) {
  Reals value, weight;
  if (lines.of_bins) {
    for (int64_t t = 0; t < lines.length; t += lanes) {
      Reals sum = {};
      for (int64_t c = 0; c < lines.count; ++c) {
        read(value, at, c * lines.length + t);
        sum += value * w[c];
      }
      std::memcpy(y + t, &sum, sizeof sum);
    }
  } else {
    Reals sum = {};
    for (int64_t c = 0; c < lines.length; c += lanes) {
      read(value, at, c);
      load(weight, w + c);
      sum += value * weight;
    }
    *y = total(sum);
  }
}

PLEXIFORM_INLINE void backward_of(const Lines& lines, const Corners& at, const float* w, const float* dy, float* dw,
                                  float* of_share) {
  Reals of[4] = {}, x, value, gradient, weight;
  auto shares = [&](int64_t k, const Reals& of_value) __attribute__((always_inline)) {
    value = Reals{};
    for (int q = 0; q < 4; ++q) {
      load(x, at.pixel[q] + k);
      value += x * at.share[q];
      of[q] += x * of_value;
    }
  };
  if (lines.of_bins) {
    for (int64_t c = 0; c < lines.count; ++c) {
      Reals of_weight = {};
      for (int64_t t = 0; t < lines.length; t += lanes) {
        load(gradient, dy + t);
        shares(c * lines.length + t, gradient * w[c]);
        of_weight += value * gradient;
      }
      dw[c] += total(of_weight);
    }
  } else {
    for (int64_t c = 0; c < lines.length; c += lanes) {
      load(weight, w + c);
      shares(c, weight * *dy);
      add_to(dw + c, value * *dy);
    }
  }
  for (int q = 0; q < 4; ++q) of_share[q] = total(of[q]);
}

PLEXIFORM_INLINE void pixels_of(const Lines& lines, const float* share, const float* w, const float* dy,
                                float* const* of_pixel) {
  Reals gradient;
  for (int q = 0; q < 4; ++q) {
    if (share[q] == 0) continue;
    if (lines.of_bins) {
      for (int64_t c = 0; c < lines.count; ++c) {
        for (int64_t t = 0; t < lines.length; t += lanes) {
          load(gradient, dy + t);
          add_to(of_pixel[q] + c * lines.length + t, gradient * (share[q] * w[c]));
        }
      }
    } else {
      for (int64_t c = 0; c < lines.length; c += lanes) {
        load(gradient, w + c);
        add_to(of_pixel[q] + c, gradient * (share[q] * *dy));
      }
    }
  }
}

#define PLEXIFORM_KERNELS(set, instructions)                                                                    \
  namespace set {                                                                                               \
  instructions void forward(const Lines& lines, const Corners& at, const float* w, float* y) {                  \
    forward_of(lines, at, w, y);                                                                                \
  }                                                                                                             \
  instructions void backward(const Lines& lines, const Corners& at, const float* w, const float* dy, float* dw, \
                             float* of_share) {                                                                 \
    backward_of(lines, at, w, dy, dw, of_share);                                                                \
  }                                                                                                             \
  instructions void of_pixels(const Lines& lines, const float* share, const float* w, const float* dy,          \
                              float* const* of_pixel) {                                                         \
    pixels_of(lines, share, w, dy, of_pixel);                                                                   \
  }                                                                                                             \
  constexpr Kernels all = {forward, backward, of_pixels};                                                       \
  }
PLEXIFORM_KERNELS(plain, )
#if defined(__x86_64__)
PLEXIFORM_KERNELS(avx2, __attribute__((target("avx2,fma"))))
#endif
#undef PLEXIFORM_KERNELS

}  // namespace

Choice<Kernels> all_kernels() {
#if defined(__x86_64__)
  return runnable(plain::all, &avx2::all);
#else
  return runnable(plain::all);
#endif
}

const Kernels& kernels() {
  static const Kernels& best = *all_kernels().list[0];
  return best;
}

}  // namespace plexiform::point_kernels

// Factored convolution in plain C++, float and double.
#include "passes.h"

namespace plexiform::factored {
namespace {

template <class T, int Lanes>
struct Plain {
  using Real = T;
  using Part = Plain;
  static constexpr int lanes = Lanes, tile = 2, slide = 2, run = 2, side = 8, pairs = 2;
  T v[Lanes];

  PLEXIFORM_INLINE static Plain load(const T* from, int64_t = 0) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = from[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain broadcast(const T* from) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = *from;
    return r;
  }
  PLEXIFORM_INLINE static Plain zero() { return {}; }
  PLEXIFORM_INLINE static Plain fma(const Plain& a, const Plain& b, const Plain& sum) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = sum.v[k] + a.v[k] * b.v[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain fms(const Plain& a, const Plain& b, const Plain& less) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = a.v[k] * b.v[k] - less.v[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain fnma(const Plain& a, const Plain& b, const Plain& sum) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = sum.v[k] - a.v[k] * b.v[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain times(const Plain& a, const Plain& b) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = a.v[k] * b.v[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain minus(const Plain& a, const Plain& b) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = a.v[k] - b.v[k];
    return r;
  }
  PLEXIFORM_INLINE static Plain plus(const Plain& a, const Plain& b) {
    Plain r;
    for (int k = 0; k < Lanes; ++k) r.v[k] = a.v[k] + b.v[k];
    return r;
  }
  PLEXIFORM_INLINE void store(T* to, int64_t = 0) const {
    for (int k = 0; k < Lanes; ++k) to[k] = v[k];
  }
  PLEXIFORM_INLINE void pin() {}
  static void turn(const T* in, int64_t in_row, T* out, int64_t out_row) {
    for (int64_t r = 0; r < side; ++r) {
      for (int64_t c = 0; c < side; ++c) out[c * out_row + r] = in[r * in_row + c];
    }
  }
};

}  // namespace

extern const Kernels<float> plain_float = passes<Plain<float, 8>>("plain C++", true);
extern const Kernels<double> plain_double = passes<Plain<double, 4>>("plain C++", true);

}  // namespace plexiform::factored

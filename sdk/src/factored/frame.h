// One output frame of a movie that comes frame by frame, space first: each frame is filtered in space once, when it comes, and
// its maps are kept for the temporal kernel. See factored.h.
// A ring of maps: [block][i][bin][part][pixel][lane of the part].
#pragma once

#include "packing.h"

namespace plexiform::factored {
namespace {

template <class V>
struct FrameFirst {
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes, P = V::Part::lanes;

  explicit FrameFirst(const Job<Real>& job)
      : job(job), p(job.problem), work(job, aligned(Q1 * L) + aligned(p.inputs * H * W)) {}

  int64_t workspace_size() const { return work.size(1); }

  int64_t maps_size() const { return blocks * p.inputs * p.bins * Q1 * L; }

  void prepare() const {
    pack_kernels<V>(job, work);
    clear(frame(), p.inputs * H * W);
  }

  // job.input: (I, H, W); its maps into `bin` of the ring.
  void push(int64_t bin) const {
    for (int64_t i = 0; i < p.inputs; ++i) {
      for (int64_t h = 0; h < p.height; ++h) {
        Real* const to = frame() + (i * H + h + p.rows_before) * W + p.columns_before;
        std::memcpy(to, job.input + (i * p.height + h) * p.width, static_cast<size_t>(p.width) * sizeof(Real));
      }
    }
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t i = 0; i < p.inputs; ++i) {
        const Real* const kernel = work.spatial() + (block * p.inputs + i) * p.rows * p.columns * L;
        for (int64_t h = 0; h < H1; ++h) {
          in_tiles<V::tile>(W1, [&]<int N>(int64_t w) {
            spread<V, N, 1>(kept(block, i, bin) + (h * W1 + w) * P, [](int64_t n) { return n * P; }, kernel,
                            {p.columns * L, L}, frame() + (i * H + h) * W + w, {W, 1}, 1, {p.rows, p.columns}, false,
                            {.out = Q1 * P, .w = P});
          });
        }
      }
    }
  }

  // job.output: (O, H', W') of the bin that ends with `newest`.
  void sum(int64_t newest) const {
    Real* const y = work.scratch(0);  // [part][pixel][lane of the part]
    for (int64_t block = 0; block < blocks; ++block) {
      in_tiles<V::tile>(Q1, [&]<int N>(int64_t q) {
        V sum[N];
#pragma GCC unroll 32
        for (int n = 0; n < N; ++n) sum[n] = V::zero();
        for (int64_t i = 0; i < p.inputs; ++i) {
          const Real* kernel = work.temporal() + (block * p.inputs + i) * p.bins * L;
          auto add = [&](int64_t bin) __attribute__((always_inline)) {
            V weight = V::load(kernel);
            weight.pin();
            const Real* const map = kept(block, i, bin) + q * P;
#pragma GCC unroll 32
            for (int n = 0; n < N; ++n) sum[n] = V::fma(weight, V::load(map + n * P, Q1 * P), sum[n]);
            kernel += L;
          };
          for (int64_t bin = newest + 1; bin < p.bins; ++bin) add(bin);  // the oldest first
          for (int64_t bin = 0; bin <= newest; ++bin) add(bin);
        }
#pragma GCC unroll 32
        for (int n = 0; n < N; ++n) sum[n].store(y + (q + n) * P, Q1 * P);
      });
      to_rows<V>(y, Q1 * P, P, job.output + block * L * Q1, Q1, Q1, smaller(L, p.outputs - block * L));
    }
  }

 private:
  Real* frame() const { return work.scratch(0) + aligned(Q1 * L); }  // with its zeros around: (I, H, W)
  Real* kept(int64_t block, int64_t i, int64_t bin) const {
    return job.maps + ((block * p.inputs + i) * p.bins + bin) * Q1 * L;
  }

  const Job<Real>& job;
  const Problem& p;
  const int64_t H1 = p.out_height(), W1 = p.out_width(), Q1 = H1 * W1;
  const int64_t H = H1 + p.rows - 1, W = W1 + p.columns - 1;
  const int64_t blocks = (p.outputs + L - 1) / L;

 public:
  const Workspace<V> work;  // after what its size depends on
};

}  // namespace
}  // namespace plexiform::factored

// What the two orders of the factors share: where things lie in the workspace, kernels in blocks of lanes and back.
#pragma once

#include "factored.h"
#include "tiles.h"

namespace plexiform::factored {
namespace {

PLEXIFORM_INLINE int64_t aligned(int64_t count) { return (count + 15) / 16 * 16; }  // 64 bytes of float

template <class V>
struct Packing {
  using Real = typename V::Real;
  static constexpr int64_t L = V::lanes;

  explicit Packing(const Problem& p)
      : blocks((p.outputs + L - 1) / L),
        taps(p.rows * p.columns),
        temporal(blocks * p.inputs * p.bins * L),
        spatial(blocks * p.inputs * taps * L) {}

  int64_t size() const { return aligned(temporal) + aligned(spatial); }
  int64_t spatial_at() const { return aligned(temporal); }

  const int64_t blocks, taps;
  const int64_t temporal, spatial;  // numbers of all blocks
};

// The workspace: packed kernels, then for each part its gradients of them and its scratch.
template <class V>
struct Workspace {
  using Real = typename V::Real;

  Workspace(const Job<Real>& job, int64_t scratch_size)
      : packing(job.problem), base(job.workspace), part_size(packing.size() + aligned(scratch_size)) {}

  int64_t size(int parts) const { return packing.size() + parts * part_size; }
  Real* temporal() const { return base; }
  Real* spatial() const { return base + packing.spatial_at(); }
  Real* temporal_gradient(int part) const { return base + packing.size() + part * part_size; }
  Real* spatial_gradient(int part) const { return temporal_gradient(part) + packing.spatial_at(); }
  Real* scratch(int part) const { return temporal_gradient(part) + packing.size(); }

  const Packing<V> packing;
  Real* const base;
  const int64_t part_size;
};

// (O, I, n) -> [block][i][n][lane]
template <class V, class Real>
void pack(const Real* kernel, Real* packed, int64_t outputs, int64_t inputs, int64_t n) {
  constexpr int64_t L = V::lanes;
  for (int64_t o = 0; o < (outputs + L - 1) / L * L; ++o) {
    Real* block = packed + o / L * inputs * n * L + o % L;
    for (int64_t k = 0; k < inputs * n; ++k) block[k * L] = o < outputs ? kernel[o * inputs * n + k] : Real(0);
  }
}

// The sum of what the parts have, in their order, back to (O, I, n). part_size: from one part to the next.
template <class V, class Real>
void unpack(const Real* packed, int64_t part_size, int parts, Real* kernel, int64_t outputs, int64_t inputs,
            int64_t n) {
  constexpr int64_t L = V::lanes;
  for (int64_t o = 0; o < outputs; ++o) {
    const Real* block = packed + o / L * inputs * n * L + o % L;
    for (int64_t k = 0; k < inputs * n; ++k) {
      Real sum = 0;
      for (int part = 0; part < parts; ++part) sum += block[part * part_size + k * L];
      kernel[o * inputs * n + k] = sum;
    }
  }
}

template <class V, class Real>
void pack_kernels(const Job<Real>& job, const Workspace<V>& work) {
  const Problem& p = job.problem;
  pack<V>(job.temporal, work.temporal(), p.outputs, p.inputs, p.bins);
  pack<V>(job.spatial, work.spatial(), p.outputs, p.inputs, p.rows * p.columns);
}

template <class V, class Real>
void unpack_gradients(const Job<Real>& job, const Workspace<V>& work) {
  if (!job.temporal_gradient) return;
  const Problem& p = job.problem;
  unpack<V>(work.temporal_gradient(0), work.part_size, job.parts, job.temporal_gradient, p.outputs, p.inputs, p.bins);
  unpack<V>(work.spatial_gradient(0), work.part_size, job.parts, job.spatial_gradient, p.outputs, p.inputs,
            p.rows * p.columns);
}

}  // namespace
}  // namespace plexiform::factored

// The passes of both orders as one table of functions, for one kind of vector V. Included as tiles.h is.
#pragma once

#include "frame.h"
#include "space_first.h"
#include "time_first.h"

namespace plexiform::factored {
namespace {

template <class V, class Pass>
auto ordered(const Job<typename V::Real>& job, Pass&& pass) {
  return job.order == Order::space_first ? pass(SpaceFirst<V>(job)) : pass(TimeFirst<V>(job));
}

template <class V>
constexpr Kernels<typename V::Real> passes(const char* name, bool plain = false) {
  using Real = typename V::Real;
  return {
      .name = name,
      .plain = plain,
      .space_first = V::space_first,
      .lanes = V::lanes,
      .workspace_size =
          [](const Job<Real>& job) { return ordered<V>(job, [&](const auto& o) { return o.work.size(job.parts); }); },
      .maps_size =
          [](const Problem& p) {
            Job<Real> job;
            job.problem = p;
            return SpaceFirst<V>(job).maps_size();
          },
      .prepare =
          [](const Job<Real>& job) {
            const Problem& p = job.problem;
            ordered<V>(job, [&](const auto& o) {
              pack<V>(job.temporal, o.work.temporal(), p.outputs, p.inputs, p.bins);
              pack<V>(job.spatial, o.work.spatial(), p.outputs, p.inputs, p.rows * p.columns);
            });
          },
      .forward = [](const Job<Real>& job, int part) { ordered<V>(job, [&](const auto& o) { o.forward(part); }); },
      .backward =
          [](const Job<Real>& job, int part) {
            ordered<V>(job, [&](const auto& o) {
              clear(o.work.temporal_gradient(part), o.work.packing.size());
              o.backward(part);
            });
          },
      .finish =
          [](const Job<Real>& job) {
            if (!job.temporal_gradient) return;
            const Problem& p = job.problem;
            ordered<V>(job, [&](const auto& o) {
              unpack<V>(o.work.temporal_gradient(0), o.work.part_size, job.parts, job.temporal_gradient, p.outputs,
                        p.inputs, p.bins);
              unpack<V>(o.work.spatial_gradient(0), o.work.part_size, job.parts, job.spatial_gradient, p.outputs,
                        p.inputs, p.rows * p.columns);
            });
          },
      .frame_workspace_size = [](const Job<Real>& job) { return FrameFirst<V>(job).work.size(1); },
      .frame_maps_size = [](const Job<Real>& job) { return FrameFirst<V>(job).maps_size(); },
      .push = [](const Job<Real>& job, int64_t bin) { FrameFirst<V>(job).push(bin); },
      .sum = [](const Job<Real>& job, int64_t newest) { FrameFirst<V>(job).sum(newest); },
  };
}

}  // namespace
}  // namespace plexiform::factored

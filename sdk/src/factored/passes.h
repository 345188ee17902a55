// The passes of all orders as one table of functions, for one kind of vector V. Included as tiles.h is.
#pragma once

#include "frame.h"
#include "frame_frequency.h"
#include "frequency.h"
#include "space_first.h"
#include "time_first.h"

namespace plexiform::factored {
namespace {

// An order of the factors is one stage.
template <class V, class Factors>
struct OneStage : Factors {
  explicit OneStage(const Job<typename V::Real>& own) : Factors(own), job(own) {}
  int64_t workspace_size() const { return this->work.size(job.parts); }
  int stages() const { return 1; }
  void prepare() const { pack_kernels<V>(job, this->work); }
  void run(int, int part) const {
    if (!job.output_gradient) return this->forward(part);
    clear(this->work.temporal_gradient(part), this->work.packing.size());
    this->backward(part);
  }
  void finish() const { unpack_gradients<V>(job, this->work); }

  const Job<typename V::Real>& job;
};

template <class V, class Pass>
auto ordered(const Job<typename V::Real>& job, Pass&& pass) {
  switch (job.order) {
    case Order::space_first:
      return pass(OneStage<V, SpaceFirst<V>>(job));
    case Order::time_first:
      return pass(OneStage<V, TimeFirst<V>>(job));
    case Order::in_frequency:
      break;
  }
  return pass(InFrequency<typename V::Part>(job));
}

template <class V, class Pass>
auto of_frames(const Job<typename V::Real>& job, Pass&& pass) {
  if (job.order == Order::in_frequency) return pass(FrameInFrequency<typename V::Part>(job));
  return pass(FrameFirst<V>(job));
}

template <class V>
constexpr Kernels<typename V::Real> passes(const char* name, bool plain = false) {
  using Real = typename V::Real;
  return {
      .name = name,
      .plain = plain,
      .lanes = V::lanes,
      .register_lanes = V::Part::lanes,
      .workspace_size =
          [](const Job<Real>& job) { return ordered<V>(job, [&](const auto& o) { return o.workspace_size(); }); },
      .maps_size =
          [](const Problem& p) {
            Job<Real> job;
            job.problem = p;
            return SpaceFirst<V>(job).maps_size();
          },
      .stages = [](const Job<Real>& job) { return ordered<V>(job, [](const auto& o) { return o.stages(); }); },
      .prepare = [](const Job<Real>& job) { ordered<V>(job, [](const auto& o) { o.prepare(); }); },
      .run = [](const Job<Real>& job, int stage,
                int part) { ordered<V>(job, [&](const auto& o) { o.run(stage, part); }); },
      .finish = [](const Job<Real>& job) { ordered<V>(job, [](const auto& o) { o.finish(); }); },
      .frame_workspace_size =
          [](const Job<Real>& job) { return of_frames<V>(job, [](const auto& o) { return o.workspace_size(); }); },
      .frame_maps_size =
          [](const Job<Real>& job) { return of_frames<V>(job, [](const auto& o) { return o.maps_size(); }); },
      .frame_prepare = [](const Job<Real>& job) { of_frames<V>(job, [](const auto& o) { o.prepare(); }); },
      .push = [](const Job<Real>& job, int64_t bin) { of_frames<V>(job, [&](const auto& o) { o.push(bin); }); },
      .sum = [](const Job<Real>& job, int64_t newest) { of_frames<V>(job, [&](const auto& o) { o.sum(newest); }); },
  };
}

}  // namespace
}  // namespace plexiform::factored

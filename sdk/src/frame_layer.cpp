#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <plexiform/layers/frame_layer.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fused.h"
#include "normalise.h"

namespace plexiform::layers {

using factored::Job, factored::Order, factored::Problem;

// The ring of each input map has 2 kt frames: number n is written at n % kt and at n % kt + kt. The last kt frames then lie
// side by side, in their order, from n % kt + 1, and are convolved as a clip of 2 kt frames with that many fewer in front.
struct FrameLayer::State {
  Problem problem;
  const factored::Kernels<float>& kernels;
  Job<float> job;
  at::Tensor workspace, ring;  // ring: (B, I, 2 kt, H, W)
  std::vector<normalise::Line> lines;
  int64_t zeros = 0, seen = 0;

  explicit State(const Problem& p) : problem(p), kernels(factored::kernels<float>(p.outputs)) {}
};

FrameLayer::FrameLayer(const at::Tensor& temporal, const at::Tensor& spatial, Zeros time, Zeros height, Zeros width,
                       const BatchNorm& norm, const at::Tensor& frame)
    : state_(
          std::make_unique<State>(fused_problem({1, frame.size(1), 2 * temporal.size(2), frame.size(2), frame.size(3)},
                                                temporal.sizes(), spatial.sizes(), {}, height, width))) {
  const at::NoGradGuard no_grad;
  auto& s = *state_;
  s.zeros = time.before;
  s.ring = at::zeros({frame.size(0), frame.size(1), s.problem.time, frame.size(2), frame.size(3)}, frame.options());
  s.problem.time_after = -s.problem.bins;  // one output frame
  s.job.problem = s.problem;
  s.job.order = Order::time_first;
  const auto t = temporal.contiguous(), k = spatial.contiguous();
  s.job.temporal = t.const_data_ptr<float>();
  s.job.spatial = k.const_data_ptr<float>();
  s.workspace = at::empty({s.kernels.workspace_size(s.job)}, frame.options());
  s.job.workspace = s.workspace.mutable_data_ptr<float>();
  s.kernels.prepare(s.job);
  const auto scale = norm.scale.contiguous(), offset = norm.offset.contiguous();
  const auto mean = norm.running_mean.contiguous(), variance = norm.running_variance.contiguous();
  for (int64_t o = 0; o < s.problem.outputs; ++o) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance.const_data_ptr<float>()[o]) + norm.eps);
    s.lines.push_back({static_cast<float>(static_cast<double>(scale.const_data_ptr<float>()[o]) * inverse),
                       mean.const_data_ptr<float>()[o], offset.const_data_ptr<float>()[o]});
  }
}

FrameLayer::~FrameLayer() = default;

bool FrameLayer::fits(const at::Tensor& frame, const at::Tensor& spatial) {
  return !at::GradMode::is_enabled() && frame.device().is_cpu() && frame.scalar_type() == at::kFloat &&
         spatial.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU);
}

at::Tensor FrameLayer::step(const at::Tensor& frame) {
  auto& s = *state_;
  Problem& p = s.job.problem;
  TORCH_CHECK_VALUE(frame.dim() == 4 && frame.size(0) == s.ring.size(0) && frame.size(1) == p.inputs &&
                        frame.size(2) == p.height && frame.size(3) == p.width,
                    "a frame of shape ", frame.sizes(), " in a stream of ", s.ring.sizes());
  const auto x = frame.contiguous();
  const int64_t plane = p.height * p.width, slot = s.seen % p.bins;
  const float* from = x.const_data_ptr<float>();
  float* const ring = s.ring.mutable_data_ptr<float>();
  for (int64_t map = 0; map < frame.size(0) * p.inputs; ++map, from += plane) {
    for (const int64_t at : {slot, slot + p.bins}) std::copy_n(from, plane, ring + (map * p.time + at) * plane);
  }
  ++s.seen;
  if (s.seen + s.zeros < p.bins) return {};
  p.time_before = -(slot + 1);
  p.time_after = slot + 1 - p.bins;
  auto y = at::empty({frame.size(0), p.outputs, p.out_height(), p.out_width()}, frame.options());
  const int64_t out_plane = p.out_height() * p.out_width();
  const auto& normal = normalise::kernels();
  for (int64_t b = 0; b < frame.size(0); ++b) {
    s.job.input = ring + b * p.inputs * p.time * plane;
    s.job.output = y.mutable_data_ptr<float>() + b * p.outputs * out_plane;
    s.kernels.forward(s.job, 0);
    for (int64_t o = 0; o < p.outputs; ++o) {
      float* const map = s.job.output + o * out_plane;
      normal.activate(map, map, out_plane, s.lines[static_cast<size_t>(o)]);
    }
  }
  return y;
}

}  // namespace plexiform::layers

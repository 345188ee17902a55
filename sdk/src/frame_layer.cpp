#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <plexiform/layers/frame_layer.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "float_on_cpu.h"
#include "fused.h"
#include "normalise.h"

namespace plexiform::layers {

using factored::Job, factored::Kernels, factored::Order, factored::Problem;

namespace {

// What is kept of the past of one sample, for the convolution that makes one output frame.
class Past {
 public:
  virtual ~Past() = default;
  virtual void push(const float* frame) = 0;  // (I, H, W)
  virtual void convolve(float* output) = 0;   // (O, H', W') of the bin that ends with the newest frame

 protected:
  // problem: of one output frame, T = kt
  explicit Past(const Problem& problem) : p(problem), kernels(factored::kernels<float>(p.outputs)) { job.problem = p; }
  void prepare(void (*with)(const Job<float>&), int64_t workspace_size, const float* temporal, const float* spatial) {
    workspace_ = at::empty({workspace_size}, at::kFloat);
    job.workspace = workspace_.mutable_data_ptr<float>();
    auto packing = job;
    packing.temporal = temporal, packing.spatial = spatial;
    with(packing);
  }

  const Problem p;
  const Kernels<float>& kernels;
  Job<float> job;
  int64_t slot = -1;  // of the ring, with the newest frame

 private:
  at::Tensor workspace_;
};

// A ring of 2 kt frames for each input map: number n is written at n % kt and at n % kt + kt. The last kt frames then lie side by
// side, in their order, from n % kt + 1, and are convolved, time first, as a clip of 2 kt frames with that many fewer in front.
class PastFrames final : public Past {
 public:
  PastFrames(const Problem& problem, const float* temporal, const float* spatial) : Past(problem) {
    job.problem.time = 2 * p.bins;
    ring_ = at::zeros({p.inputs, job.problem.time, p.height * p.width}, at::kFloat);
    job.input = ring_.const_data_ptr<float>();
    place(0);
    prepare(kernels.prepare, kernels.workspace_size(job), temporal, spatial);
  }
  void push(const float* frame) override {
    const int64_t plane = p.height * p.width;
    place(slot = (slot + 1) % p.bins);
    float* to = ring_.mutable_data_ptr<float>() + slot * plane;
    for (int64_t i = 0; i < p.inputs; ++i, frame += plane, to += 2 * p.bins * plane) {
      std::copy_n(frame, plane, to);
      std::copy_n(frame, plane, to + p.bins * plane);
    }
  }
  void convolve(float* output) override {
    job.output = output;
    kernels.run(job, 0, 0);
  }

 private:
  void place(int64_t slot) { job.problem.time_before = -(slot + 1), job.problem.time_after = slot + 1 - p.bins; }
  at::Tensor ring_;
};

// A ring of what the kernels make of each frame when it comes: its maps in space, or its spectrum.
class PastMade final : public Past {
 public:
  PastMade(const Problem& problem, Order order, const float* temporal, const float* spatial) : Past(problem) {
    job.order = order;
    ring_ = at::zeros({kernels.frame_maps_size(job)}, at::kFloat);
    job.maps = ring_.mutable_data_ptr<float>();
    prepare(kernels.frame_prepare, kernels.frame_workspace_size(job), temporal, spatial);
  }
  void push(const float* frame) override {
    job.input = frame;
    kernels.push(job, slot = (slot + 1) % p.bins);
  }
  void convolve(float* output) override {
    job.output = output;
    kernels.sum(job, slot);
  }

 private:
  at::Tensor ring_;
};

}  // namespace

struct FrameLayer::State {
  Problem problem;                           // of one output frame
  std::vector<std::unique_ptr<Past>> pasts;  // of each sample
  std::vector<normalise::Line> lines;        // of each output
  int64_t missing = 0;                       // frames before the first output
};

FrameLayer::FrameLayer(const at::Tensor& temporal, const at::Tensor& spatial, Zeros time, Zeros height, Zeros width,
                       const BatchNorm& norm, const at::Tensor& frame)
    : state_(std::make_unique<State>()) {
  const at::NoGradGuard no_grad;
  auto& s = *state_;
  s.problem = fused_problem({1, frame.size(1), temporal.size(2), frame.size(2), frame.size(3)}, temporal.sizes(),
                            spatial.sizes(), {}, height, width);
  s.missing = s.problem.bins - 1 - time.before;
  const auto t = temporal.contiguous(), k = spatial.contiguous();
  const float *const of_time = t.const_data_ptr<float>(), *const of_space = k.const_data_ptr<float>();
  const int register_lanes = factored::kernels<float>(s.problem.outputs).register_lanes;
  const Order order = factored::cheaper_order_of_frames(s.problem, register_lanes);
  for (int64_t b = 0; b < frame.size(0); ++b) {
    if (order == Order::time_first) {
      s.pasts.push_back(std::make_unique<PastFrames>(s.problem, of_time, of_space));
    } else {
      s.pasts.push_back(std::make_unique<PastMade>(s.problem, order, of_time, of_space));
    }
  }
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
  return !at::GradMode::is_enabled() && float_on_cpu(frame) && float_on_cpu(spatial);
}

at::Tensor FrameLayer::step(const at::Tensor& frame) {
  auto& s = *state_;
  const Problem& p = s.problem;
  TORCH_CHECK_VALUE(frame.dim() == 4 && frame.size(0) == std::ssize(s.pasts) && frame.size(1) == p.inputs &&
                        frame.size(2) == p.height && frame.size(3) == p.width,
                    "a frame of shape ", frame.sizes(), " in a stream of ", s.pasts.size(), " x ", p.inputs, " x ",
                    p.height, " x ", p.width);
  const auto x = frame.contiguous();
  const float* from = x.const_data_ptr<float>();
  for (const auto& past : s.pasts) past->push(from), from += p.inputs * p.height * p.width;
  if (s.missing > 0) {
    --s.missing;
    return {};
  }
  auto y = at::empty({frame.size(0), p.outputs, p.out_height(), p.out_width()}, frame.options());
  const int64_t plane = p.out_height() * p.out_width();
  const auto& normal = normalise::kernels();
  float* map = y.mutable_data_ptr<float>();
  for (const auto& past : s.pasts) {
    past->convolve(map);
    for (const auto& line : s.lines) normal.activate(map, map, plane, line), map += plane;
  }
  return y;
}

}  // namespace plexiform::layers

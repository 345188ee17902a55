// A convolution with a kernel that factors (custom_separable.h), batch norm with the running statistics, and ELU
// (batch_norm.h), for a movie that comes frame by frame: on the CPU in float32, without gradients. Per frame it does the work
// of one output frame: the kernels are packed once, the frames of the past, their maps or spectra lie in a ring, and nothing
// else is allocated.
// Notation  B batch, I/O input and output channels, H x W pixels, kt bins of the temporal kernel; ' is output.
// Threads   one at a time; works on the calling thread alone.
#pragma once

#include <plexiform/layers/batch_norm.h>
#include <plexiform/layers/padding.h>

#include <memory>

namespace plexiform::layers {

class FrameLayer {
 public:
  // Reads the weights once: a later change of them is not seen. No frame has come yet.
  //   temporal  (O, I, kt)
  //   spatial   (O, I, 1, kh, kw)
  //   zeros     time: before the first frame, fewer than kt; none after
  //   frame     (B, I, H, W), whose sizes all frames have
  FrameLayer(const at::Tensor& temporal, const at::Tensor& spatial, Zeros time, Zeros height, Zeros width,
             const BatchNorm& norm, const at::Tensor& frame);
  ~FrameLayer();

  // Can it work like this, here and now? Not where gradients are wanted.
  static bool fits(const at::Tensor& frame, const at::Tensor& spatial);

  // (B, I, H, W) -> (B, O, H', W'); undefined while the kernel is longer than what came, zeros included.
  at::Tensor step(const at::Tensor& frame);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace plexiform::layers

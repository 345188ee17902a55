// Space-time convolutions, four kinds behind one interface, without bias.
//   full              W[o,i,t,h,w] is free
//   custom_separable  W = temporal[o,i,t] spatial[o,i,h,w], the temporal kernel a sum of sines and cosines
//                     (custom_separable.h)
//   separable         a spatial convolution I -> O, then a temporal one O -> O
//   time_independent  a spatial convolution, each bin on its own
// Notation  B batch, I/O input and output channels, T time bins, H x W pixels, kt bins x kh x kw px the kernel;
//           ' is output. Index 0 of a temporal kernel is its oldest bin: y[t] = sum_j kernel[j] x[t - kt + 1 + j].
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <plexiform/core.h>
#include <plexiform/layers/padding.h>
#include <plexiform/layers/window.h>
#include <torch/nn/module.h>

namespace plexiform::layers {

struct ConvolutionSize {
  int64_t inputs = 1, outputs = 1;          // channels
  int64_t bins = 1, height = 1, width = 1;  // of the kernel
  Padding padding = {};
};

class Convolution : public torch::nn::Module {
 public:
  // openretina: as that package pads (time on both sides; `separable` in both stages) and
  // regularises (no gradient for `time_independent`).
  explicit Convolution(const ConvolutionSize& size, bool openretina = false);

  // (B, I, T, H, W) -> (B, O, T', H', W')
  //   log_speed  of the session, (1); undefined means 0. custom_separable stretches its temporal kernels by
  //              exp(log_speed); `separable` as openretina multiplies its output by that; the others know no speed.
  virtual at::Tensor forward(const at::Tensor& input, const at::Tensor& log_speed = {}) = 0;

  // Frame by frame, where no output bin needs a later frame and each frame makes at most one: the bins that step() returns,
  // (B, I, H, W) -> (B, O, H', W'), are those of forward. Undefined while the kernel is longer than what came.
  bool streams() const { return time_.after == 0 && time_.before < size_.bins; }
  void start() { window_.start(); }
  at::Tensor step(const at::Tensor& frame);

  // An extent below 1: the kernel is longer than the padded input.
  virtual Shape output_shape(const Shape& input) const;
  virtual Temporal temporal() const;

  // The live spatial kernel (O, I, kt or 1, kh, kw), for inspection and penalties.
  virtual at::Tensor spatial_kernel() const = 0;

  // The live temporal kernel, time on the last axis (..., kt); undefined when there is none.
  virtual at::Tensor temporal_kernel() const { return {}; }

  // Penalty for temporal kernels that are not smooth, a scalar; undefined when there is nothing to
  // smooth.
  virtual at::Tensor temporal_roughness() const;

 protected:
  const ConvolutionSize size_;
  const bool openretina_;
  const Zeros time_, height_, width_;

 private:
  Window window_;
};

// The names of the four, for the `choices` of a knob.
std::vector<const char*> convolution_types();

// Throws Error("convolution_type", ...) for an unknown one. Weights are drawn from LibTorch's
// default generator, in the order of the parameters.
std::shared_ptr<Convolution> make_convolution(const std::string& type, const ConvolutionSize& size,
                                              bool openretina = false);

// conv3d of stride 1 with zeros that may differ between the sides. With 2 to 7 input channels,
// where LibTorch computes the weight gradient as if there were 8, that gradient is computed in
// channels-last layout: up to 4 times faster.
at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, Zeros time, Zeros height, Zeros width,
                    int64_t groups = 1);

}  // namespace plexiform::layers

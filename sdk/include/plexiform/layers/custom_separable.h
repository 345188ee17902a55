// A space-time convolution whose kernel is, per pair of output o and input i, a temporal times a spatial one:
//   temporal[o,i,j] = m_j sum_k sin_weights[o,i,k] sin(k phi_j) + cos_weights[o,i,k] cos(k phi_j)
//   phi_j           = 2 pi s (j - kt) / kt          j = 0 (oldest) .. kt - 1,  k = 0 .. kt / 3 - 1
//   m_j             = 1 / (1 + exp(-(j - kt) - floor(0.95 kt) / s))     fades in the oldest bins
//   W[o,i,j,h,w]    = temporal[o,i,j] weight_spatial[o,i,0,h,w]
// s = exp(log_speed) stretches time, 1 without one.
// Source: the parametrisation of Höfling et al. 2024, eLife 13:e86860, as in openretina 1.1.1.
//
// Three ways to the same result (tests hold them together in value and gradient):
//   dense     W is assembled and convolved: kt kh kw multiplications per (o, i) and output. The reference.
//   factored  each (o, i) in space, then in time by a banded matrix, no W: about kh kw + T of them, but the maps of
//             every (o, i) pass through memory. Made of LibTorch's operators, for any device.
//   fused     about kh kw + kt of them, or, where kernels are large, a product of spectra, in kernels of our own for the CPU
//             that keep those maps in the cache; memory is allocated once and kept. In bfloat16, and under autocast, it
//             computes in float32. Two samples of a batch, or pieces of them, may share a spectrum: rounding in one, and
//             what is not finite, then reaches the other.
#pragma once

#include <plexiform/layers/convolution.h>
#include <plexiform/layers/frame_layer.h>

namespace plexiform::layers {

struct FusedMemory;

// (sines, cosines), each (kt / 3, kt) and faded in. stretch: s, a tensor of one element, whose
// dtype and device they have.
std::pair<at::Tensor, at::Tensor> temporal_basis(int64_t bins, const at::Tensor& stretch);

class CustomSeparable final : public Convolution {
 public:
  // Throws Error for a temporal kernel of fewer than 3 bins. All three weights ~ 0.01 N(0, 1),
  // drawn in their order.
  explicit CustomSeparable(const ConvolutionSize& size, bool openretina = false);
  ~CustomSeparable() override;

  enum class Way { dense, factored, fused };

  at::Tensor forward(const at::Tensor& input, const at::Tensor& log_speed = {}) override;  // by fastest()
  at::Tensor dense(const at::Tensor& input, const at::Tensor& log_speed = {}) const;
  at::Tensor factored(const at::Tensor& input, const at::Tensor& log_speed = {}) const;
  at::Tensor fused(const at::Tensor& input, const at::Tensor& log_speed = {}) const;

  // The way that needs least time for an input of this shape, dtype and device.
  Way fastest(const at::Tensor& input) const;

  // This convolution at log-speed 0, then `norm` and ELU, for frames like this one; null where FrameLayer does not fit.
  std::unique_ptr<FrameLayer> frame_layer(const BatchNorm& norm, const at::Tensor& frame) const;

  at::Tensor spatial_kernel() const override { return spatial_; }
  at::Tensor temporal_kernel() const override { return temporal_kernel({}); }  // (O, I, kt), at log-speed 0
  at::Tensor temporal_kernel(const at::Tensor& log_speed) const;
  at::Tensor temporal_roughness() const override;  // on the coefficients: high frequencies cost more

 private:
  bool fused_is_faster(const at::Tensor& input) const;     // than dense
  bool factored_is_faster(const at::Tensor& input) const;  // than dense
  int64_t rows_of_block(int64_t out) const;

  at::Tensor sin_, cos_;                             // (O, I, kt / 3)
  at::Tensor spatial_;                               // (O, I, 1, kh, kw)
  mutable std::pair<at::Tensor, at::Tensor> basis_;  // made again when dtype or device change
  const std::unique_ptr<FusedMemory> memory_;
};

}  // namespace plexiform::layers

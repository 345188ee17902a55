// A convolutional gated recurrent unit: the state is a stack of maps, and convolutions take the place of matrices.
//   u  = sigmoid(Wu_x * x + Wu_h * h)          update
//   r  = sigmoid(Wr_x * x + Wr_h * h)          reset
//   c  = tanh(Wo_x * x + Wo_h * (r h))         candidate
//   h' = (1 - u) h + u c                       h = 0 before the first bin
// Source: Ballas et al. 2016, ICLR, arXiv:1511.06432, eq. 10-13; the names of its parts are openretina's.
// Notation  B batch, C input channels, R channels of the state, T bins, H x W pixels; ' is output.
// For plugin sources only: includes torch/nn/module.h.
#pragma once

#include <plexiform/shape.h>
#include <torch/nn/modules/conv.h>

namespace plexiform::layers {

struct GruSize {
  int64_t inputs = 1, outputs = 1;                 // channels
  int64_t input_kernel = 3, recurrent_kernel = 3;  // px; the recurrent one odd, and the other too when it is padded
  int64_t groups = 1;                              // of channels that do not see each other
  bool pad_input = true;                           // false: the state is input_kernel - 1 px smaller than the input
};

// One step. All six convolutions have biases; weights are Xavier-normal, biases 0.
class ConvGruCell final : public torch::nn::Module {
 public:
  explicit ConvGruCell(const GruSize& size);

  // What the gates get from an input, which does not depend on the state.
  struct Drive {
    at::Tensor update, reset, out;  // (B, R, H', W')
  };
  Drive drive(const at::Tensor& input);  // (B, C, H, W); many bins at once do as well, as a larger batch

  // The next state (B, R, H', W').
  at::Tensor step(const Drive& drive, const at::Tensor& state);

  // Mean |bias| of the three recurrent convolutions: how far the gates are from half open without input.
  at::Tensor bias_size() const;

 private:
  torch::nn::Conv2d reset_input_{nullptr}, reset_hidden_{nullptr}, update_input_{nullptr}, update_hidden_{nullptr},
      out_input_{nullptr}, out_hidden_{nullptr};
};

// The cell over a clip.
class ConvGru final : public torch::nn::Module {
 public:
  explicit ConvGru(const GruSize& size);

  // (B, C, T, H, W) -> (B, R, T, H', W'): the state after each bin.
  at::Tensor forward(const at::Tensor& clip);
  Shape output_shape(const Shape& input) const;

  // Frame by frame: the states that step() returns, (B, C, H, W) -> (B, R, H', W'), are the bins of forward.
  void start() { state_.reset(); }
  at::Tensor step(const at::Tensor& frame);

  const ConvGruCell& cell() const { return *cell_; }

 private:
  const GruSize size_;
  std::shared_ptr<ConvGruCell> cell_;
  at::Tensor state_;  // of step(); undefined before the first frame
};

}  // namespace plexiform::layers

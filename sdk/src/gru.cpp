#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros_like.h>
#include <plexiform/layers/gru.h>
#include <torch/nn/init.h>

namespace plexiform::layers {

ConvGruCell::ConvGruCell(const GruSize& s) {
  auto convolution = [&](const char* name, int64_t inputs, int64_t kernel, bool pad) {
    const auto options =
        torch::nn::Conv2dOptions(inputs, s.outputs, kernel).groups(s.groups).padding(pad ? kernel / 2 : 0);
    return register_module(name, torch::nn::Conv2d(options));
  };
  auto of_input = [&](const char* name) { return convolution(name, s.inputs, s.input_kernel, s.pad_input); };
  auto of_state = [&](const char* name) { return convolution(name, s.outputs, s.recurrent_kernel, true); };
  reset_input_ = of_input("reset_gate_input");
  reset_hidden_ = of_state("reset_gate_hidden");
  update_input_ = of_input("update_gate_input");
  update_hidden_ = of_state("update_gate_hidden");
  out_input_ = of_input("out_gate_input");
  out_hidden_ = of_state("out_gate_hidden");
  for (auto& conv : {reset_input_, reset_hidden_, update_input_, update_hidden_, out_input_, out_hidden_}) {
    torch::nn::init::xavier_normal_(conv->weight);
    torch::nn::init::zeros_(conv->bias);
  }
}

ConvGruCell::Drive ConvGruCell::drive(const at::Tensor& input) {
  return {update_input_->forward(input), reset_input_->forward(input), out_input_->forward(input)};
}

at::Tensor ConvGruCell::step(const Drive& drive, const at::Tensor& state) {
  const auto update = at::sigmoid(drive.update + update_hidden_->forward(state));
  const auto reset = at::sigmoid(drive.reset + reset_hidden_->forward(state));
  const auto candidate = at::tanh(drive.out + out_hidden_->forward(state * reset));
  return state * (1 - update) + candidate * update;
}

at::Tensor ConvGruCell::bias_size() const {
  return (reset_hidden_->bias.abs().mean() + update_hidden_->bias.abs().mean() + out_hidden_->bias.abs().mean()) / 3;
}

ConvGru::ConvGru(const GruSize& size)
    : size_(size), cell_(register_module("gru", std::make_shared<ConvGruCell>(size))) {}

at::Tensor ConvGru::forward(const at::Tensor& clip) {
  const int64_t B = clip.size(0), T = clip.size(2);
  const auto all = cell_->drive(clip.transpose(1, 2).flatten(0, 1));  // of every bin at once
  auto bins = [&](const at::Tensor& maps) {
    return maps.view({B, T, maps.size(1), maps.size(2), maps.size(3)}).unbind(1);
  };
  const auto update = bins(all.update), reset = bins(all.reset), out = bins(all.out);
  auto state = at::zeros_like(update[0]);
  std::vector<at::Tensor> states;
  for (size_t t = 0; t < update.size(); ++t) {
    state = cell_->step({update[t], reset[t], out[t]}, state);
    states.push_back(state);
  }
  return at::stack(states, 2);
}

at::Tensor ConvGru::step(const at::Tensor& frame) {
  const auto drive = cell_->drive(frame);
  state_ = cell_->step(drive, state_.defined() ? state_ : at::zeros_like(drive.update));
  return state_;
}

Shape ConvGru::output_shape(const Shape& in) const {
  const int64_t less = size_.pad_input ? 0 : size_.input_kernel - 1;
  return {size_.outputs, in.time, in.height - less, in.width - less};
}

}  // namespace plexiform::layers

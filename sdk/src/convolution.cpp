#include <ATen/autocast_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/convolution_backward.h>
#include <plexiform/layers/convolution.h>
#include <plexiform/layers/custom_separable.h>
#include <plexiform/layers/regularisers.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/init.h>

namespace plexiform::layers {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// conv3d whose weight gradient is computed on channels-last tensors. Not under autocast, which would have to be known backward.
struct FewInputs : torch::autograd::Function<FewInputs> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::vector<int64_t>& padding) {
    context->save_for_backward({input, weight});
    context->saved_data["padding"] = padding;
    return at::conv3d(input, weight, {}, 1, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto padding = context->saved_data["padding"].toIntVector();
    auto gradient = [&](const at::Tensor& output, const at::Tensor& input, std::array<bool, 3> wanted) {
      return at::convolution_backward(output, input, saved[1], {}, {1, 1, 1}, padding, {1, 1, 1}, false, {0, 0, 0}, 1,
                                      wanted);
    };
    const auto& output = gradients[0];
    at::Tensor of_input, of_weight;
    if (context->needs_input_grad(0)) of_input = std::get<0>(gradient(output, saved[0], {true, false, false}));
    if (context->needs_input_grad(1)) {
      constexpr auto last = at::MemoryFormat::ChannelsLast3d;
      of_weight = std::get<1>(gradient(output.contiguous(last), saved[0].contiguous(last), {false, true, false}));
    }
    return {of_input, of_weight, {}};
  }
};

at::Tensor uniform_weight(std::vector<int64_t> shape) {  // U(-b, b), b = 1 / sqrt(fan in): LibTorch's for Conv3d
  return torch::nn::init::kaiming_uniform_(torch::empty(shape), std::sqrt(5.0));
}

class Full final : public Convolution {
 public:
  Full(const ConvolutionSize& s, bool openretina) : Convolution(s, openretina) {
    register_module("conv", conv_);
    weight_ = conv_->register_parameter("weight", uniform_weight({s.outputs, s.inputs, s.bins, s.height, s.width}));
  }
  at::Tensor forward(const at::Tensor& input, const at::Tensor&) override {
    return convolve(input, weight_, time_, height_, width_);
  }
  at::Tensor spatial_kernel() const override { return weight_; }
  at::Tensor temporal_kernel() const override { return weight_.permute({0, 1, 3, 4, 2}); }

 private:
  std::shared_ptr<Module> conv_ = std::make_shared<Module>("conv");
  at::Tensor weight_;
};

class TimeIndependent final : public Convolution {
 public:
  TimeIndependent(ConvolutionSize s, bool openretina) : Convolution((s.bins = 1, s), openretina) {
    register_module("conv", conv_);
    weight_ = conv_->register_parameter("weight", uniform_weight({s.outputs, s.inputs, 1, s.height, s.width}));
  }
  at::Tensor forward(const at::Tensor& input, const at::Tensor&) override {
    return convolve(input, weight_, time_, height_, width_);
  }
  at::Tensor spatial_kernel() const override { return openretina_ ? weight_.detach() : weight_; }

 private:
  std::shared_ptr<Module> conv_ = std::make_shared<Module>("conv");
  at::Tensor weight_;
};

class Separable final : public Convolution {
 public:
  Separable(const ConvolutionSize& s, bool openretina)
      : Convolution(s, openretina), twice_(openretina && s.padding.rule == Padding::Rule::sides) {
    register_module("space_conv", space_conv_);
    register_module("time_conv", time_conv_);
    space_ = space_conv_->register_parameter("weight", uniform_weight({s.outputs, s.inputs, 1, s.height, s.width}));
    temporal_ = time_conv_->register_parameter("weight", uniform_weight({s.outputs, s.outputs, s.bins, 1, 1}));
  }
  at::Tensor forward(const at::Tensor& input, const at::Tensor& log_speed) override {
    const Zeros none;
    const auto maps = convolve(input, space_, twice_ ? time_ : none, height_, width_);
    const auto output = convolve(maps, temporal_, time_, twice_ ? height_ : none, twice_ ? width_ : none);
    return openretina_ && log_speed.defined() ? output * log_speed.exp() : output;
  }
  Shape output_shape(const Shape& input) const override {
    Shape out = Convolution::output_shape(input);
    if (twice_)
      out = {out.channels, out.time + time_.total(), out.height + height_.total(), out.width + width_.total()};
    return out;
  }
  Temporal temporal() const override {
    const int64_t later = (twice_ ? 2 : 1) * time_.after;
    return {size_.bins - 1 - later, later == 0};
  }
  at::Tensor spatial_kernel() const override { return space_; }
  at::Tensor temporal_kernel() const override { return temporal_.squeeze(4).squeeze(3); }

 private:
  const bool twice_;  // both stages pad every axis
  std::shared_ptr<Module> space_conv_ = std::make_shared<Module>("space_conv");
  std::shared_ptr<Module> time_conv_ = std::make_shared<Module>("time_conv");
  at::Tensor space_, temporal_;
};

}  // namespace

at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, Zeros time, Zeros height, Zeros width,
                    int64_t groups) {
  // conv3d pads both sides alike; what one side has more is added first.
  std::vector<int64_t> common, rest;
  for (const Zeros zeros : {time, height, width}) {
    common.push_back(std::min(zeros.before, zeros.after));
    rest.insert(rest.begin(), {zeros.before - common.back(), zeros.after - common.back()});  // last axis first
  }
  const bool alike = std::all_of(rest.begin(), rest.end(), [](int64_t n) { return n == 0; });
  const auto padded = alike ? input : at::constant_pad_nd(input, rest);
  const int64_t inputs = weight.size(1);
  const bool few = groups == 1 && inputs >= 2 && inputs < 8;
  if (few && !at::autocast::is_autocast_enabled(input.device().type())) return FewInputs::apply(padded, weight, common);
  return at::conv3d(padded, weight, {}, 1, common, 1, groups);
}

Convolution::Convolution(const ConvolutionSize& size, bool openretina)
    : size_(size),
      openretina_(openretina),
      time_(size.padding.in_time(size.bins, openretina)),
      height_(size.padding.in_height(size.height)),
      width_(size.padding.in_width(size.width)),
      window_(size.bins, time_.before) {}

// The newest output bin of the window sees the whole of it, and none of the zeros that forward puts before it.
at::Tensor Convolution::step(const at::Tensor& frame) {
  const auto frames = window_.push(frame);
  return frames.defined() ? forward(frames).select(2, -1) : frames;
}

Shape Convolution::output_shape(const Shape& in) const {
  return {size_.outputs, in.time + time_.total() - size_.bins + 1, in.height + height_.total() - size_.height + 1,
          in.width + width_.total() - size_.width + 1};
}

Temporal Convolution::temporal() const { return {size_.bins - 1 - time_.after, time_.after == 0}; }

at::Tensor Convolution::temporal_roughness() const {
  const auto kernel = temporal_kernel();
  return kernel.defined() ? layers::temporal_roughness(kernel) : kernel;
}

std::vector<const char*> convolution_types() { return {"custom_separable", "separable", "full", "time_independent"}; }

std::shared_ptr<Convolution> make_convolution(const std::string& type, const ConvolutionSize& size, bool openretina) {
  if (type == "custom_separable") return std::make_shared<CustomSeparable>(size, openretina);
  if (type == "separable") return std::make_shared<Separable>(size, openretina);
  if (type == "full") return std::make_shared<Full>(size, openretina);
  if (type == "time_independent") return std::make_shared<TimeIndependent>(size, openretina);
  throw Error("convolution_type", "is '" + type + "'",
              did_you_mean(type, {"custom_separable", "separable", "full", "time_independent"}));
}

}  // namespace plexiform::layers

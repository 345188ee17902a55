#include <ATen/ops/grid_sampler_2d.h>
#include <plexiform/error.h>
#include <plexiform/layers/parametrized.h>
#include <plexiform/layers/product.h>
#include <plexiform/layers/readout.h>
#include <torch/types.h>

#include <nlohmann/json.hpp>

namespace plexiform::layers {

namespace {

void check_in_shape(const std::optional<std::vector<int64_t>>& stated, const Shape& features) {
  if (!stated) return;
  const auto& s = *stated;
  if (s.size() == 4 && s[0] == features.channels && s[2] == features.height && s[3] == features.width) return;
  throw Error("in_shape", "is " + nlohmann::json(s).dump() + ", but the core makes " + features.text(),
              "remove in_shape: the host knows it");
}

std::shared_ptr<Mlp> network(int64_t inputs, int64_t hidden, int64_t outputs, bool final_tanh) {
  const auto sizes = hidden > 0 ? std::vector<int64_t>{inputs, hidden, outputs} : std::vector<int64_t>{inputs, outputs};
  auto made = std::make_shared<Mlp>(sizes, Activation::tanh, final_tanh);
  made->start_silent();
  return made;
}

// The last bins of a batch's trace of that name, (B, bins, inputs).
at::Tensor trace(const Given& given, const std::string& name, const char* knob, int64_t inputs, int64_t bins) {
  const auto found = given.find(name);
  if (!found.defined()) {
    throw Error(knob, "a batch of session '" + given.session() + "' has no '" + name + "'",
                "record it with every stimulus, or leave " + std::string(knob) + " out");
  }
  if (found.dim() != 3 || found.size(2) != inputs || found.size(1) < bins) {
    throw Error(knob,
                "'" + name + "' is (" + nlohmann::json(found.sizes().vec()).dump() + ") for (batch, " +
                    std::to_string(bins) + " bins, " + std::to_string(inputs) + ")",
                "give it for every bin, and say how many traces there are");
  }
  return found.slice(1, found.size(1) - bins);
}

}  // namespace

bool by_bins(const at::Tensor& features) { return features.stride(1) < features.stride(2); }

at::Tensor masked_sum(const at::Tensor& features, const at::Tensor& masks, const at::Tensor& weights) {
  const bool bins_first = by_bins(features);
  const auto maps = (bins_first ? features.transpose(1, 2) : features).flatten(3);
  const auto seen = product(maps, masks.t());  // (B, C, T, N), or (B, T, C, N)
  return bins_first ? (seen * weights).sum(2) : (seen * weights.unsqueeze(1)).sum(1);
}

at::Tensor per_neuron(const ReadoutContext& context, const std::string& name, const char* knob) {
  const auto found = find(context.info, name);
  if (!found.defined()) {
    std::string known;
    for (const auto& one : context.info) known += (known.empty() ? "" : ", ") + one.name;
    throw Error(knob, "the data of session '" + context.session + "' have no '" + name + "'",
                known.empty() ? "store it as session_info/" + name : "name one of those they have: " + known);
  }
  if (found.dim() == 0 || found.size(0) != context.neurons) {
    throw Error(knob,
                "'" + name + "' of session '" + context.session + "' has " +
                    std::to_string(found.dim() ? found.size(0) : 1) + " rows for " + std::to_string(context.neurons) +
                    " neurons",
                "store one row for each neuron, in the order of the responses");
  }
  return found.to(at::kFloat);
}

// --- Output ---

Output::Output(const ReadoutKnobs& knobs, int64_t neurons)
    : nonlinearity_(knobs.nonlinearity), knots_(knobs.spline_knots), range_(knobs.spline_range) {
  if (knots_ == 1) throw Error("spline_knots", "is 1", "use 0 for no spline, or at least 2");
  if (nonlinearity_ == "parametrized_softplus")
    register_module("nonlinearity", std::make_shared<ParametrizedSoftplus>());
  if (knots_ > 0) log_slopes_ = register_parameter("log_slopes", torch::zeros({knots_, neurons}));
}

at::Tensor Output::forward(const at::Tensor& drive) const {
  const auto x = knots_ > 0 ? spline(drive) : drive;
  if (nonlinearity_ != "parametrized_softplus") return apply_nonlinearity(nonlinearity_, x);
  return named_children()["nonlinearity"]->as<ParametrizedSoftplus>()->forward(x);
}

at::Tensor Output::spline(const at::Tensor& drive) const {
  const int64_t last = knots_ - 1;
  const double step = 2 * range_ / static_cast<double>(last);
  const auto slopes = log_slopes_.exp();
  const auto areas = 0.5 * step * (slopes.slice(0, 0, last) + slopes.slice(0, 1));        // of each interval
  const auto before = at::cat({at::zeros_like(slopes.slice(0, 0, 1)), areas.cumsum(0)});  // of all before a knot
  auto integral = [&](const at::Tensor& x) {                                              // from -range to x (M, N)
    const auto u = ((x + range_) / step).clamp(0, static_cast<double>(last));
    const auto k = u.detach().floor().clamp_max(static_cast<double>(last - 1)).to(at::kLong);  // the knot before
    const auto in = u - k, left = slopes.gather(0, k), right = slopes.gather(0, k + 1);
    const auto inside = before.gather(0, k) + step * in * (left + 0.5 * in * (right - left));
    return inside + (x + range_).clamp_max(0) * slopes[0] + (x - range_).clamp_min(0) * slopes[last];
  };
  return (integral(drive.flatten(0, -2)) - integral(at::zeros_like(slopes.slice(0, 0, 1)))).view_as(drive);
}

// --- Eyes and behaviour ---

Shifter::Shifter(const ReadoutKnobs& knobs) : name_(knobs.eye_position) {
  network_ = register_module("network", network(2, knobs.eye_hidden, 2, /*final_tanh=*/true));
}

at::Tensor Shifter::shift(const Given& given, int64_t bins) const {
  return network_->forward(trace(given, name_, "eye_position", 2, bins));
}

at::Tensor Shifter::forward(const at::Tensor& x, const Given& given) const {
  const int64_t batch = x.size(0), bins = x.size(2);
  auto centres = [&](int64_t size) {  // of pixels, the outer ones at -1 and 1
    return size > 1 ? at::linspace(-1, 1, size, x.options().requires_grad(false)) : at::zeros({1}, x.options());
  };
  const auto columns = centres(x.size(4)).expand({x.size(3), -1});
  const auto rows = centres(x.size(3)).unsqueeze(1).expand({-1, x.size(4)});
  const auto places = at::stack({columns, rows}, 2) + shift(given, bins).flatten(0, 1).view({batch * bins, 1, 1, 2});
  const auto moved = at::grid_sampler_2d(x.transpose(1, 2).flatten(0, 1), places, /*bilinear*/ 0, /*zeros*/ 0,
                                         /*align_corners=*/true);
  return moved.unflatten(0, {batch, bins}).transpose(1, 2);
}

Gain::Gain(const ReadoutKnobs& knobs, int64_t neurons) : name_(knobs.gain_from), inputs_(knobs.gain_inputs) {
  network_ = register_module("network", network(inputs_, knobs.gain_hidden, neurons, /*final_tanh=*/false));
}

at::Tensor Gain::forward(const Given& given, int64_t bins) const {
  return 1 + at::elu(network_->forward(trace(given, name_, "gain_from", inputs_, bins)));
}

// --- The readout ---

DriveReadout::DriveReadout(const ReadoutContext& context, const ReadoutKnobs& knobs)
    : shape(context.features),
      neurons(context.neurons),
      quirks(context.compat == "openretina"),
      nonlinearity_(knobs.nonlinearity) {
  check_in_shape(knobs.in_shape, shape);
  output_ = register_module("output", std::make_shared<Output>(knobs, neurons));
  if (!knobs.eye_position.empty()) shifter = register_module("shifter", std::make_shared<Shifter>(knobs));
  if (!knobs.gain_from.empty()) gain_ = register_module("gain", std::make_shared<Gain>(knobs, neurons));
}

at::Tensor DriveReadout::forward(const at::Tensor& x, const Given& given) {
  TORCH_CHECK_VALUE(
      x.dim() == 5 && x.size(1) == shape.channels && x.size(3) == shape.height && x.size(4) == shape.width,
      "features of shape ", x.sizes(), " for a readout of ", shape.text());
  return rate(drive(shifter ? shifter->forward(x, given) : x), given);
}

std::vector<Input> DriveReadout::inputs() {
  std::vector<Input> all;
  if (shifter) all.push_back(shifter->input());
  if (gain_) all.push_back(gain_->input());
  return all;
}

at::Tensor DriveReadout::rate(const at::Tensor& drive, const Given& given) const {
  const auto rates = output_->forward(drive);
  return gain_ ? rates * gain_->forward(given, rates.size(1)) : rates;
}

at::Tensor DriveReadout::initial_bias(const ReadoutContext& context) const {
  const auto& activity = context.mean_activity;
  if (!activity.defined()) return torch::zeros({neurons});
  TORCH_CHECK_VALUE(activity.dim() == 1 && activity.size(0) == neurons, "mean activity of shape ", activity.sizes(),
                    " for ", neurons, " neurons");
  const auto known = activity.to(torch::kFloat32);
  return quirks ? known.clone() : invert_nonlinearity(nonlinearity_, known);
}

}  // namespace plexiform::layers

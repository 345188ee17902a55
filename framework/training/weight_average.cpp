#include <ATen/core/grad_mode.h>
#include <training/weight_average.h>

#include <cmath>
#include <numbers>

namespace plexiform::training {

WeightAverage::WeightAverage(const EmaParams& params, const std::vector<Named>& weights) : ema_(params) {
  for (const auto& weight : weights) {
    if (weight.tensor.is_floating_point()) weights_.push_back(weight);
  }
}

WeightAverage::WeightAverage(const SwaParams& params, const std::vector<Named>& weights, int64_t max_epochs)
    : WeightAverage(EmaParams(), weights) {
  ema_.reset();
  swa_ = params;
  const Json& start = params.swa_epoch_start;
  swa_start_ = start.is_number_integer() ? start.get<int64_t>()
                                         : static_cast<int64_t>(start.get<double>() * static_cast<double>(max_epochs));
}

void WeightAverage::step_done(int64_t step, int64_t epoch) {
  if (!ema_ || step % ema_->update_every_n_steps != 0) return;
  if (step <= ema_->update_starting_at_step.value_or(0)) return;
  if (epoch <= ema_->update_starting_at_epoch.value_or(0)) return;
  update(1 - ema_->decay);
}

void WeightAverage::epoch_done(int64_t epoch) {
  if (swa_ && epoch > swa_start_) update(1 / static_cast<double>(updates_ + 1));
}

void WeightAverage::update(double share) {
  const at::NoGradGuard no_grad;
  if (updates_++ == 0) {
    for (const auto& [name, tensor] : weights_) averages_.push_back({name, tensor.detach().clone()});
    return;
  }
  for (size_t i = 0; i < weights_.size(); ++i) averages_[i].tensor.lerp_(weights_[i].tensor, share);
}

std::optional<double> WeightAverage::rate(int64_t epochs, double rate) {
  if (!swa_ || epochs < swa_start_) return std::nullopt;
  if (!rate_before_) rate_before_ = rate;
  const auto done = static_cast<double>(epochs - swa_start_), all = static_cast<double>(swa_->annealing_epochs);
  const double t = all > 0 ? std::min(1.0, done / all) : 1.0;
  const double there = swa_->annealing_strategy == "cos" ? (1 - std::cos(std::numbers::pi * t)) / 2 : t;
  return *rate_before_ + there * (swa_->swa_lrs - *rate_before_);
}

void WeightAverage::exchange() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < averages_.size(); ++i) {
    const at::Tensor weight = weights_[i].tensor.detach().clone();
    weights_[i].tensor.copy_(averages_[i].tensor);
    averages_[i].tensor.copy_(weight);
  }
}

std::vector<Named> WeightAverage::tensors() const { return averages_; }

Json WeightAverage::state() const {
  return {{"updates", updates_}, {"rate_before", rate_before_ ? Json(*rate_before_) : Json()}};
}

void WeightAverage::restore(const std::vector<Named>& tensors, const Json& state) {
  const auto refuse = [] {
    throw Error("weight average", "the checkpoint's is not that of this model and config",
                "resume with the callbacks that made the checkpoint");
  };
  if (!state.is_object()) refuse();
  updates_ = state.at("updates");
  rate_before_.reset();
  if (state.at("rate_before").is_number()) rate_before_ = state.at("rate_before").get<double>();
  averages_.clear();
  if (updates_ == 0) return;
  if (tensors.size() != weights_.size()) refuse();
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name != weights_[i].name || tensors[i].tensor.sizes() != weights_[i].tensor.sizes()) refuse();
    averages_.push_back(
        {tensors[i].name, tensors[i].tensor.to(weights_[i].tensor.device(), /*non_blocking=*/false, /*copy=*/true)});
  }
}

}  // namespace plexiform::training

#include <training/rate_finder.h>

#include <cmath>

namespace plexiform::training {

double RateFinder::rate(size_t step) const {
  const double t = static_cast<double>(step + 1) / static_cast<double>(params_.num_training_steps);
  if (params_.mode == "linear") return params_.min_lr + t * (params_.max_lr - params_.min_lr);
  return params_.min_lr * std::pow(params_.max_lr / params_.min_lr, t);
}

std::optional<double> RateFinder::next() const {
  if (over_ || static_cast<int64_t>(losses_.size()) == params_.num_training_steps) return std::nullopt;
  return rate(losses_.size());
}

void RateFinder::record(double loss) {
  constexpr double beta = 0.98;
  if (!std::isfinite(loss)) {
    over_ = true;
    return;
  }
  average_ = beta * average_ + (1 - beta) * loss;
  const double smoothed = average_ / (1 - std::pow(beta, static_cast<double>(losses_.size() + 1)));
  if (losses_.size() > 1 && params_.early_stop_threshold) over_ = smoothed > *params_.early_stop_threshold * best_;
  if (losses_.empty() || smoothed < best_) best_ = smoothed;
  losses_.push_back(smoothed);
}

std::optional<double> RateFinder::suggestion() const {
  constexpr size_t skip_first = 10, skip_last = 1;
  std::optional<double> found;
  double steepest = 0;
  for (size_t i = skip_first; i + skip_last < losses_.size(); ++i) {
    const size_t before = i == skip_first ? i : i - 1, after = i + 1 + skip_last < losses_.size() ? i + 1 : i;
    if (before == after) continue;
    const double slope = (losses_[after] - losses_[before]) / static_cast<double>(after - before);
    if (slope >= steepest) continue;
    steepest = slope;
    found = rate(i);
  }
  return found;
}

}  // namespace plexiform::training

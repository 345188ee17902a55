#include <cli/tpe.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace plexiform::cli {
namespace {

using config::Dimension;
using Kind = Dimension::Kind;
using Values = std::vector<double>;

// Numbers that do not depend on the C++ library: its distributions are its own affair.
class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}
  double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }  // [0, 1)
  double normal() {                                                          // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  size_t pick(const Values& weights) {  // a number, with chances in proportion to the weights
    double left = uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    for (size_t i = 0; i + 1 < weights.size(); ++i) {
      if (left < weights[i]) return i;
      left -= weights[i];
    }
    return weights.size() - 1;
  }

 private:
  std::mt19937_64 bits_;
};

bool discrete(const Dimension& dimension) { return dimension.kind != Kind::real; }
double count(const Dimension& dimension) { return static_cast<double>(dimension.texts.size()); }

// The axis on which values are drawn: whole numbers own the half on either side, and the logarithm may be taken.
double axis(const Dimension& dimension, double value) { return dimension.log ? std::log(value) : value; }
double low(const Dimension& dimension) {
  if (dimension.kind == Kind::grid) return -0.5;
  return axis(dimension, dimension.low - (discrete(dimension) ? 0.5 : 0));
}
double high(const Dimension& dimension) {
  if (dimension.kind == Kind::grid) return count(dimension) - 0.5;
  return axis(dimension, dimension.high + (discrete(dimension) ? 0.5 : 0));
}
double value_at(const Dimension& dimension, double x) {
  const double value = dimension.log ? std::exp(x) : x;
  if (dimension.kind == Kind::grid) return std::clamp(std::round(value), 0.0, count(dimension) - 1);
  return std::clamp(discrete(dimension) ? std::round(value) : value, dimension.low, dimension.high);
}

double draw_one(const Dimension& dimension, Random& random) {
  if (dimension.kind == Kind::fixed) return 0;
  if (dimension.kind == Kind::categorical) return std::floor(random.uniform() * count(dimension));
  return value_at(dimension, low(dimension) + random.uniform() * (high(dimension) - low(dimension)));
}

// The last 25 trials count in full, the ones before less the older they are.
Values weights_of(size_t trials, double prior) {
  Values weights(trials, 1.0);
  constexpr size_t recent = 25;
  for (size_t i = 0; i + recent < trials; ++i) {
    const double first = 1 / static_cast<double>(trials), ramp = static_cast<double>(trials - recent);
    weights[i] = ramp > 1 ? first + (1 - first) * static_cast<double>(i) / (ramp - 1) : first;
  }
  weights.push_back(prior);
  return weights;
}

// Section 4.2 for a choice: counts above an even prior.
class Counts {
 public:
  Counts(const Dimension& dimension, const Values& values, const TpeParams& params)
      : weights_(dimension.texts.size(), params.prior_weight) {
    const Values each = weights_of(values.size(), params.prior_weight);
    for (size_t i = 0; i < values.size(); ++i) weights_[static_cast<size_t>(values[i])] += each[i];
    total_ = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  }
  double draw(Random& random) const { return static_cast<double>(random.pick(weights_)); }
  double log_density(double value) const { return std::log(weights_[static_cast<size_t>(value)] / total_); }

 private:
  Values weights_;
  double total_ = 0;
};

// Section 4.2 for a number: a normal curve at each value, as wide as the farther of its neighbours is away, beside one as
// wide as the range in its middle; cut off at the ends of the range.
class Parzen {
 public:
  Parzen(const Dimension& dimension, const Values& values, const TpeParams& params)
      : dimension_(dimension),
        low_(low(dimension)),
        high_(high(dimension)),
        weights_(weights_of(values.size(), params.prior_weight)) {
    const double range = high_ - low_;
    for (const double value : values) centres_.push_back(axis(dimension, value));
    centres_.push_back((low_ + high_) / 2);
    const size_t n = centres_.size();
    const double narrowest = params.consider_magic_clip ? range / std::min(100.0, 1.0 + static_cast<double>(n)) : 1e-12;
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return centres_[a] < centres_[b]; });
    widths_.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const double here = centres_[order[i]];
      double width = 0;
      if (i > 0 || params.consider_endpoints) width = here - (i > 0 ? centres_[order[i - 1]] : low_);
      if (i + 1 < n || params.consider_endpoints) {
        width = std::max(width, (i + 1 < n ? centres_[order[i + 1]] : high_) - here);
      }
      widths_[order[i]] = std::clamp(width, narrowest, range);
    }
    widths_.back() = range;
    total_ = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  }

  double draw(Random& random) const {
    const size_t kernel = random.pick(weights_);
    while (true) {  // the centre is inside, the width at most the range: a third of the draws are
      const double x = centres_[kernel] + widths_[kernel] * random.normal();
      if (x >= low_ && x < high_) return value_at(dimension_, x);
    }
  }

  double log_density(double value) const {
    double density = 0;
    for (size_t i = 0; i < centres_.size(); ++i) {
      const auto below = [&](double x) { return below_of(i, x); };
      const double inside = below(high_) - below(low_);
      double here = 0;
      if (discrete(dimension_)) {
        here = below(axis(dimension_, value + 0.5)) - below(axis(dimension_, value - 0.5));
      } else {
        const double z = (axis(dimension_, value) - centres_[i]) / widths_[i];
        here = std::exp(-z * z / 2) / (widths_[i] * std::sqrt(2 * std::numbers::pi));
      }
      density += weights_[i] / total_ * here / inside;
    }
    return std::log(std::max(density, 1e-300));
  }

 private:
  double below_of(size_t kernel, double x) const {
    return 0.5 * std::erfc((centres_[kernel] - x) / (widths_[kernel] * std::numbers::sqrt2));
  }

  const Dimension& dimension_;
  const double low_, high_;
  Values weights_, centres_, widths_;
  double total_ = 0;
};

template <class Density>
double best_candidate(const Dimension& dimension, const Values& good, const Values& others, const TpeParams& params,
                      Random& random) {
  const Density l(dimension, good, params), g(dimension, others, params);
  double best = 0, best_gain = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < params.n_ei_candidates; ++i) {
    const double candidate = l.draw(random), gain = l.log_density(candidate) - g.log_density(candidate);
    if (gain <= best_gain) continue;
    best = candidate;
    best_gain = gain;
  }
  return best;
}

}  // namespace

std::vector<double> draw(const std::vector<Dimension>& space, uint64_t seed) {
  Random random(seed);
  Values values;
  for (const auto& dimension : space) values.push_back(draw_one(dimension, random));
  return values;
}

std::vector<double> suggest(const std::vector<Dimension>& space, const std::vector<Trial>& before,
                            const TpeParams& params, uint64_t seed) {
  std::vector<size_t> order(before.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return before[a].loss < before[b].loss; });
  const auto done = std::count_if(before.begin(), before.end(), [](const Trial& t) { return std::isfinite(t.loss); });
  if (done < params.n_startup_trials || done == 0) return draw(space, seed);
  const size_t good = std::min<size_t>({(static_cast<size_t>(done) + 9) / 10, 25, before.size()});
  std::vector<bool> is_good(before.size());
  for (size_t i = 0; i < good; ++i) is_good[order[i]] = true;

  Random random(seed);
  Values values;
  for (size_t d = 0; d < space.size(); ++d) {
    Values best, others;
    for (size_t i = 0; i < before.size(); ++i) (is_good[i] ? best : others).push_back(before[i].values[d]);
    if (space[d].kind == Kind::fixed) {
      values.push_back(0);
    } else if (space[d].kind == Kind::categorical) {
      values.push_back(best_candidate<Counts>(space[d], best, others, params, random));
    } else {
      values.push_back(best_candidate<Parzen>(space[d], best, others, params, random));
    }
  }
  return values;
}

}  // namespace plexiform::cli

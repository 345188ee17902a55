#include <fmt/format.h>
#include <training/best.h>
#include <training/early_stopping.h>

#include <cmath>

namespace plexiform::training {

EarlyStopping::EarlyStopping(const EarlyStoppingParams& params)
    : params_(params),
      best_(params.mode == "max" ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity()) {
}

EarlyStopping::Verdict EarlyStopping::update(double metric) {
  const std::string& name = params_.monitor;
  const double sign = params_.mode == "max" ? 1 : -1;
  const auto better = [&](double a, double b) { return sign * a > sign * b; };

  if (params_.check_finite && !std::isfinite(metric)) {
    return {true, false, fmt::format("{} is {}, which is not finite", name, metric)};
  }
  if (params_.stopping_threshold && better(metric, *params_.stopping_threshold)) {
    return {true, false,
            fmt::format("{} is {:.4g}, better than the stopping threshold {:.4g}", name, metric,
                        *params_.stopping_threshold)};
  }
  if (params_.divergence_threshold && better(*params_.divergence_threshold, metric)) {
    return {true, false,
            fmt::format("{} is {:.4g}, worse than the divergence threshold {:.4g}", name, metric,
                        *params_.divergence_threshold)};
  }
  if (better(metric - sign * params_.min_delta, best_)) {
    best_ = metric;
    waited_ = 0;
    return {false, true, ""};
  }
  if (++waited_ < params_.patience) return {};
  return {true, false,
          fmt::format("{} has not improved on {:.4g}: the patience of {} is spent", name, best_, params_.patience)};
}

Json EarlyStopping::state() const { return {{"best", best_to_json(best_)}, {"waited", waited_}}; }

void EarlyStopping::restore(const Json& state) {
  EarlyStopping restored = *this;
  try {
    restored.best_ = best_from_json(state.at("best"));
    state.at("waited").get_to(restored.waited_);
  } catch (const Json::exception&) {
    throw Error("early_stopping", "state is not that of early stopping: " + state.dump(),
                "resume with the callbacks that made the checkpoint");
  }
  *this = restored;
}

}  // namespace plexiform::training

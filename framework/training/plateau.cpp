#include <training/best.h>
#include <training/plateau.h>

#include <algorithm>

namespace plexiform::training {

PlateauSchedule::PlateauSchedule(const PlateauParams& params, double first_rate)
    : params_(params),
      min_rate_(params.min_lr.value_or(first_rate * std::pow(params.factor, 3))),
      best_(params.mode == "max" ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity()) {
}

bool PlateauSchedule::improved(double metric) const {
  const bool relative = params_.threshold_mode == "rel";
  if (params_.mode == "max") {
    return metric > (relative ? best_ * (1 + params_.threshold) : best_ + params_.threshold);
  }
  return metric < (relative ? best_ * (1 - params_.threshold) : best_ - params_.threshold);
}

double PlateauSchedule::update(double metric, double rate) {
  if (++epochs_ % params_.frequency != 0) return rate;
  if (improved(metric)) {
    best_ = metric;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ <= params_.patience) return rate;
  bad_ = 0;
  cooling_ = params_.cooldown;
  const double lower = std::max(rate * params_.factor, min_rate_);
  return rate - lower > params_.eps ? lower : rate;
}

Json PlateauSchedule::state() const {
  return {{"best", best_to_json(best_)},
          {"epochs", epochs_},
          {"bad", bad_},
          {"cooling", cooling_},
          {"min_rate", min_rate_}};
}

void PlateauSchedule::restore(const Json& state) {
  PlateauSchedule restored = *this;
  try {
    restored.best_ = best_from_json(state.at("best"));
    state.at("epochs").get_to(restored.epochs_);
    state.at("bad").get_to(restored.bad_);
    state.at("cooling").get_to(restored.cooling_);
    state.at("min_rate").get_to(restored.min_rate_);
  } catch (const Json::exception&) {
    throw Error("lr_scheduler", "state is not that of a plateau schedule: " + state.dump(),
                "resume with the schedule that made the checkpoint");
  }
  *this = restored;
}

}  // namespace plexiform::training

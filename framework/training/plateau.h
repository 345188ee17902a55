// The learning rate falls when a metric stops improving.
// Source  the rule is that of torch.optim.lr_scheduler.ReduceLROnPlateau.
#pragma once

#include <plexiform/params.h>

#include <optional>
#include <string>

namespace plexiform::training {

struct PlateauParams {
  std::string monitor;
  std::string interval = "epoch";
  int64_t frequency = 1;
  std::string mode = "min";
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;
  std::string threshold_mode = "rel";
  int64_t cooldown = 0;
  std::optional<double> min_lr;
  double eps = 1e-8;
  void describe(auto& knob) {
    knob("monitor", monitor, {.doc = "name of the logged metric", .required = true});
    knob("interval", interval, {.doc = "when the metric is looked at", .choices = {"epoch"}});
    knob("frequency", frequency, {.doc = "look at every so many epochs", .min = 1});
    knob("mode", mode, {.doc = "min: lower is better; max: higher", .choices = {"min", "max"}});
    knob("factor", factor, {.doc = "times the rate, at each fall; below 1", .min = 0});
    knob("patience", patience, {.doc = "looks without improvement before a fall", .min = 0});
    knob("threshold", threshold, {.doc = "smallest change that is an improvement", .min = 0});
    knob("threshold_mode", threshold_mode,
         {.doc = "threshold as a share of the best (rel) or a difference (abs)", .choices = {"rel", "abs"}});
    knob("cooldown", cooldown, {.doc = "looks after a fall that are not counted", .min = 0});
    knob("min_lr", min_lr, {.doc = "lowest rate; null: first rate * factor^3", .min = 0});
    knob("eps", eps, {.doc = "smallest fall of the rate that is made", .min = 0});
  }
  void check() const {
    if (factor >= 1) {
      throw Error("factor", "is " + knobs::number(factor), "use a number below 1, such as 0.3");
    }
  }
};

class PlateauSchedule {
 public:
  PlateauSchedule(const PlateauParams& params, double first_rate);

  // After an epoch: the rate for the next one. It falls at the (patience + 1)-th look in a row that
  // is no improvement; a NaN is none.
  double update(double metric, double rate);

  const PlateauParams& params() const { return params_; }

  // For a checkpoint. restore() throws Error for what state() did not give.
  Json state() const;
  void restore(const Json& state);

 private:
  bool improved(double metric) const;

  PlateauParams params_;
  double min_rate_;
  double best_;
  int64_t epochs_ = 0, bad_ = 0, cooling_ = 0;
};

}  // namespace plexiform::training

// The learning rate as a function of the epochs or optimiser steps done. What follows a metric is in plateau.h.
// Source  the curves are those of torch.optim.lr_scheduler. Cosine with restarts: Loshchilov & Hutter, ICLR 2017,
//         arXiv:1608.03983, equation 5; one cycle: Smith & Topin, arXiv:1708.07120; cyclic: Smith, WACV 2017, arXiv:1506.01186
#pragma once

#include <plexiform/params.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

class Schedule {
 public:
  virtual ~Schedule() = default;
  // The rate after `n` counts, n = 0, 1, ...: the first is in effect before anything was counted.
  virtual double rate(int64_t n) const = 0;
  // In a chain, where other schedules move the rate too: the rate of count n >= 1 from that of n - 1.
  virtual double next(int64_t n, double rate) const;
  // Of a schedule that cycles the momentum against the rate.
  virtual std::optional<double> momentum(int64_t) const { return std::nullopt; }
};

// What a schedule may refer to.
struct ScheduleContext {
  double base_rate = 0;       // the optimiser's
  int64_t total_counts = 0;   // of the whole run, epochs or steps as `interval` says; 0: not known
  bool has_momentum = false;  // the optimiser's
};

// When to count. `monitor` is for schedules that follow a metric.
struct CountingParams {
  std::optional<std::string> monitor;
  std::string interval = "epoch";
  int64_t frequency = 1;
  void describe(auto& knob) {
    knob("monitor", monitor, {.doc = "accepted; this schedule follows no metric"});
    knob("interval", interval, {.doc = "what is counted", .choices = {"epoch", "step"}});
    knob("frequency", frequency, {.doc = "count every so many of them once", .min = 1});
  }
};
// Takes the knobs of CountingParams out of `knobs`.
CountingParams take_counting(Json& knobs);

// The schedule of a `_target_` with torch's knobs and defaults. SequentialLR and ChainedScheduler take `schedulers`, a list
// of {_target_, knobs}. Throws Error(knob, what, fix).
std::unique_ptr<Schedule> make_schedule(const std::string& target, const Json& knobs, const ScheduleContext& context);

// "torch.optim.lr_scheduler.StepLR", ...
std::vector<std::string> schedule_targets();

}  // namespace plexiform::training

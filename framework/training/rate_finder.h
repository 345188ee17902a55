// A learning rate from a range test: the loss of some steps at growing rates, and the rate at which it falls fastest.
// Source  Smith, WACV 2017, arXiv:1506.01186, section 3.3; smoothing, early end and suggestion are those of
//         lightning.pytorch.callbacks.LearningRateFinder, whose knobs these are.
#pragma once

#include <plexiform/params.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

struct RateFinderParams {
  double min_lr = 1e-8, max_lr = 1;
  int64_t num_training_steps = 100;
  std::string mode = "exponential";
  std::optional<double> early_stop_threshold = 4;
  bool update_attr = true;
  std::optional<std::string> attr_name;
  void describe(auto& knob) {
    knob("min_lr", min_lr, {.doc = "first rate, above 0", .min = 0});
    knob("max_lr", max_lr, {.doc = "last rate", .min = 0});
    knob("num_training_steps", num_training_steps, {.doc = "steps of the test", .min = 13});
    knob("mode", mode, {.doc = "how the rate grows", .choices = {"exponential", "linear"}});
    knob("early_stop_threshold", early_stop_threshold,
         {.doc = "the test ends at this multiple of the best loss; null: it does not", .min = 1});
    knob("update_attr", update_attr, {.doc = "train at the rate that was found; false: only tell it"});
    knob("attr_name", attr_name, {.doc = "accepted; the rate is the optimiser's"});
  }
  void check() const {
    if (min_lr <= 0 || max_lr <= min_lr) {
      throw Error("min_lr", "is " + knobs::number(min_lr) + ", not between 0 and max_lr", "use 1e-8 and 1");
    }
  }
};

class RateFinder {
 public:
  explicit RateFinder(const RateFinderParams& params) : params_(params) {}

  // The rate of the next step; nothing when the test is over.
  std::optional<double> next() const;
  // The loss of that step.
  void record(double loss);
  // Where the smoothed loss falls fastest, the first ten steps and the last left out; nothing if it never falls.
  std::optional<double> suggestion() const;

 private:
  double rate(size_t step) const;

  RateFinderParams params_;
  std::vector<double> losses_;  // smoothed
  double average_ = 0, best_ = 0;
  bool over_ = false;
};

}  // namespace plexiform::training

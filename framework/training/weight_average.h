// Averages of the weights along the training, which validate and predict better than the last ones: an exponential moving
// average (EMA), or the plain mean over the last epochs at a rate of their own (SWA). Training goes on with the weights
// themselves; validation, and the model that is kept, take the average.
// What     every floating-point tensor of the model: parameters, and batch norm's statistics.
// Source   EMA: Polyak & Juditsky, SIAM J. Control Optim. 30, 1992; knobs of lightning.pytorch.callbacks.EMAWeightAveraging.
//          SWA: Izmailov et al., UAI 2018, arXiv:1803.05407; knobs of lightning.pytorch.callbacks.StochasticWeightAveraging.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>
#include <plexiform/params.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

struct EmaParams {
  double decay = 0.999;
  int64_t update_every_n_steps = 1;
  std::optional<int64_t> update_starting_at_step, update_starting_at_epoch;
  bool use_buffers = true;
  std::optional<std::string> device;
  void describe(auto& knob) {
    knob("decay", decay, {.doc = "share of the average that an update keeps", .min = 0, .max = 1});
    knob("update_every_n_steps", update_every_n_steps, {.doc = "optimiser steps between updates", .min = 1});
    knob("update_starting_at_step", update_starting_at_step, {.doc = "first step that counts", .min = 0});
    knob("update_starting_at_epoch", update_starting_at_epoch, {.doc = "first epoch that counts, from 0", .min = 0});
    knob("use_buffers", use_buffers, {.doc = "accepted; statistics are averaged with the weights"});
    knob("device", device, {.doc = "accepted; an average lies beside its weights"});
  }
};

struct SwaParams {
  double swa_lrs = 0;
  Json swa_epoch_start = 0.8;
  int64_t annealing_epochs = 10;
  std::string annealing_strategy = "cos";
  std::optional<std::string> device;
  void describe(auto& knob) {
    knob("swa_lrs", swa_lrs, {.doc = "learning rate while the weights are averaged", .min = 0, .required = true});
    knob("swa_epoch_start", swa_epoch_start, {.doc = "first epoch that counts: a share of all (0.8) or its number"});
    knob("annealing_epochs", annealing_epochs, {.doc = "epochs from the rate before to swa_lrs", .min = 0});
    knob("annealing_strategy", annealing_strategy, {.doc = "the way there", .choices = {"cos", "linear"}});
    knob("device", device, {.doc = "accepted; an average lies beside its weights"});
  }
  void check() const {
    const bool number = swa_epoch_start.is_number_integer() && swa_epoch_start >= 1;
    const bool share = swa_epoch_start.is_number_float() && swa_epoch_start >= 0.0 && swa_epoch_start <= 1.0;
    if (!number && !share) {
      throw Error("swa_epoch_start", "is " + swa_epoch_start.dump(), "use a share of all epochs, 0.8, or a number, 10");
    }
  }
};

class WeightAverage {
 public:
  //   weights  the model's tensors, which it reads and exchanges
  WeightAverage(const EmaParams& params, const std::vector<Named>& weights);
  WeightAverage(const SwaParams& params, const std::vector<Named>& weights, int64_t max_epochs);

  // After an optimiser step or an epoch; both count from 1.
  void step_done(int64_t step, int64_t epoch);
  void epoch_done(int64_t epoch);
  // SWA's rate for the epoch that follows `epochs` completed ones, once it has begun; `rate` is the one now.
  std::optional<double> rate(int64_t epochs, double rate);

  // Puts the averages into the model and the model's weights here; again: back. Nothing before the first update.
  void exchange();

  // For a checkpoint: the averages by name, without the ones of before the first update; and the counts.
  std::vector<Named> tensors() const;
  Json state() const;
  void restore(const std::vector<Named>& tensors, const Json& state);

 private:
  void update(double share);  // of the weights in the new average

  std::optional<EmaParams> ema_;
  std::optional<SwaParams> swa_;
  int64_t swa_start_ = 0;  // completed epochs before it
  std::vector<Named> weights_, averages_;
  int64_t updates_ = 0;
  std::optional<double> rate_before_;
};

// Exchanges while it lives.
class Averaged {
 public:
  explicit Averaged(std::optional<WeightAverage>& average) : average_(average) {
    if (average_) average_->exchange();
  }
  ~Averaged() {
    if (average_) average_->exchange();
  }
  Averaged(const Averaged&) = delete;

 private:
  std::optional<WeightAverage>& average_;
};

}  // namespace plexiform::training

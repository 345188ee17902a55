// What a search tries next: the tree-structured Parzen estimator.
//
//   The trials so far are split by what they reached: the best, a share of 0.1 and 25 at most, and the others. l(x) is
//   a density over the values of the best, g(x) over those of the others; of some candidates drawn from l the one with
//   the largest l(x) / g(x) is tried, which has the largest expected improvement. Key by key.
// Source  Bergstra, Bardenet, Bengio, Kegl 2011, Algorithms for Hyper-Parameter Optimization, NIPS 24, section 4.
//         The knobs and their defaults are those of optuna.samplers.TPESampler.
#pragma once

#include <config/search_space.h>
#include <plexiform/params.h>

#include <cstdint>

namespace plexiform::cli {

struct TpeParams {
  std::optional<int64_t> seed;
  int64_t n_startup_trials = 10, n_ei_candidates = 24;
  double prior_weight = 1;
  bool consider_prior = true, consider_magic_clip = true, consider_endpoints = false;
  bool multivariate = false, warn_independent_sampling = true;
  void describe(auto& knob) {
    knob("seed", seed, {.doc = "the same seed, runs one at a time: the same suggestions; null: another one each time"});
    knob("n_startup_trials", n_startup_trials,
         {.doc = "trials at random before the first that is suggested", .min = 0});
    knob("n_ei_candidates", n_ei_candidates, {.doc = "candidates drawn from l(x)", .min = 1});
    knob("prior_weight", prior_weight, {.doc = "of the even density, where a trial counts 1", .min = 1e-12});
    knob("consider_prior", consider_prior, {.doc = "must be true: the even density is part of l and g"});
    knob("consider_magic_clip", consider_magic_clip,
         {.doc = "kernels are not narrower than range / (1 + their number)"});
    knob("consider_endpoints", consider_endpoints, {.doc = "the ends of the range count as neighbours of a value"});
    knob("multivariate", multivariate, {.doc = "must be false: keys are drawn one by one"});
    knob("warn_independent_sampling", warn_independent_sampling, {.doc = "accepted"});
  }
  void check() const {
    if (!consider_prior) throw Error("consider_prior", "is false", "leave it out: the even density is part of l and g");
    if (multivariate) throw Error("multivariate", "is true", "leave it out: keys are drawn one by one here");
  }
};

struct Trial {
  std::vector<double> values;  // one for each dimension
  double loss = 0;             // what is made small; infinite: it failed, or is not done
};

// The values to try after `before`, which are in the order of their beginning.
//   seed  of this trial alone: the same arguments give the same values, on every machine
std::vector<double> suggest(const std::vector<config::Dimension>& space, const std::vector<Trial>& before,
                            const TpeParams& params, uint64_t seed);

// Evenly from the space.
std::vector<double> draw(const std::vector<config::Dimension>& space, uint64_t seed);

}  // namespace plexiform::cli

// A search as the sweep folder remembers it: what is drawn from, what is made small or large, and what is tried next.
// It is what configs with `hydra/sweeper: optuna` ask for; the names are those of Hydra's sweeper for Optuna. A trial
// is a run; its value is that of `objective_target` in the best epoch of the run.
#pragma once

#include <cli/tpe.h>
#include <config/compose.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::cli {

struct SweeperParams {
  std::string direction = "minimize";
  int64_t n_trials = 20, n_jobs = 2;
  double max_failure_rate = 0;
  std::optional<std::string> study_name, storage, custom_search_space;
  Json params, search_space, sampler;
  void describe(auto& knob) {
    knob("direction", direction, {.doc = "what the objective becomes", .choices = {"minimize", "maximize"}});
    knob("n_trials", n_trials, {.doc = "runs in all", .min = 1});
    knob("n_jobs", n_jobs, {.doc = "runs at a time, unless --jobs says", .min = 1});
    knob("max_failure_rate", max_failure_rate,
         {.doc = "share of runs that may fail before the search counts as failed", .min = 0, .max = 1});
    knob("study_name", study_name, {.doc = "accepted; a search is known by its folder"});
    knob("storage", storage, {.doc = "accepted; jobs.yaml and the runs of the sweep folder hold the state"});
    knob("params", params, {.doc = "key: interval(0,1), and the like"});
    knob("search_space", search_space, {.doc = "the same as {type, low, high, log} or {type: categorical, choices}"});
    knob("custom_search_space", custom_search_space, {.doc = "must be null: it names a function of Python"});
    knob("sampler", sampler, {.doc = "optuna.samplers.TPESampler or optuna.samplers.RandomSampler"});
  }
  void check() const {
    if (custom_search_space) throw Error("custom_search_space", "is a function of Python", "write its space as params");
  }
};

struct Search {
  config::Node sweeper;                // hydra.sweeper, with the seed that holds
  std::string objective;               // a metric of a run's best epoch: "val_loss"
  std::vector<std::string> arguments;  // the space, as config::search_arguments gives it

  SweeperParams settings;
  TpeParams sampler;
  bool random = false;  // nothing is learnt from the trials
  std::vector<config::Dimension> space;

  // Those of a trial's arguments that are searched, not fixed.
  std::vector<std::string> searched(const std::vector<std::string>& overrides) const;
  // What the objective came to in a run that is done. Throws Error when the run knows no such metric.
  double value(const std::string& run_folder) const;
  // Whether `value` is better than `other`.
  bool better(double value, double other) const {
    return settings.direction == "minimize" ? value < other : value > other;
  }
  // The arguments of the next trial, after those of earlier ones and what they came to; no value: it failed, or runs.
  using Earlier = std::vector<std::pair<std::vector<std::string>, std::optional<double>>>;
  std::vector<std::string> next(const Earlier& trials) const;
};

// The search that a command line describes; none when its sweeper is not one. Throws Error.
//   sweep  config::compose_sweep(request)
std::optional<Search> plan_search(const config::Request& request, const config::Composition& sweep);

config::Node to_node(const Search& search);
// `file` is named in errors. Throws Error.
Search search_from(const config::Node& node, const std::string& file);

}  // namespace plexiform::cli

// A run: everything that a config describes, made ready and checked, then trained, scored and put on disk.
//
//   auto run = prepare(composed, resolvers, catalogue);  // all errors of a config come here, before the first step
//   train(*run, folder, Start::fresh, observers);
//
// Run folder   .hydra/{config,hydra,overrides}.yaml · plugins.lock · train.log · metrics.csv ·
//              checkpoints/{last,best}.safetensors · model/{model.safetensors, model.json, config.yaml} ·
//              scores.csv · scores.json
#pragma once

#include <config/resolve.h>
#include <data/batches.h>
#include <model/model.h>
#include <parallel/host/processes.h>
#include <plexiform/host/experiment.h>
#include <plugins/catalogue.h>
#include <training/settings.h>

#include <memory>
#include <string>

namespace plexiform::training {

struct Run {
  config::Node composed;  // as the user's files and overrides make it, interpolations unresolved
  config::Node config;    // resolved, defaults filled in
  Settings settings;
  data::LoaderParams loader;
  data::Recordings recordings;
  data::Split split;
  model::Model model;
  std::shared_ptr<const parallel::Processes> processes;

  std::string plan() const;
};

// Reads and checks everything; builds the model with the config's seed. Nothing is written.
std::unique_ptr<Run> prepare(const config::Node& composed, const config::Resolvers& resolvers,
                             plugins::Catalogue& catalogue, std::shared_ptr<const parallel::Processes> processes);

enum class Start { fresh, resume };

// Trains into `folder`, which exists, and ends with scores and the model bundle, unless an observer suspends it. A resumed run
// says which of its plugins are not those of its plugins.lock (Catalogue::lock refuses them), and records the new ones there.
// Of several processes the first alone writes, logs and scores; the others' result has neither scores nor a model.
host::Result train(Run& run, const std::string& folder, Start start, std::vector<host::Observer*> observers);

}  // namespace plexiform::training

// A trained model on disk: a folder with model.safetensors (weights, readable from Python in one line), model.json
// (everything needed to use them) and config.yaml (the composed config, interpolations unresolved): no pickle, no code.
// What the data say of the sessions beside the responses is in session_info.safetensors, as "<session>.<name>"; the file is
// missing where they say nothing.
//
//   model.json  {"format": "plexiform.bundle/1", "plexiform": version,
//                "config": the config, resolved,
//                "window": [C, T, H, W], "features": [F, T', H', W'], "lag": bins,
//                "sessions": [{"name", "neurons", "frame_rate_hz"?}],
//                "normalisation": {"mean", "std"},
//                "components": [{"kind", "name", "plugin", "version", "sha256", "knobs"}],
//                "metrics": the best epoch's row, "definitions": {metric: how it is computed}}
#pragma once

#include <model/build.h>

namespace plexiform::model {

// What a bundle says of the data.
struct DataFacts {
  struct Session {
    std::string name;
    int64_t neurons = 0;
    double frame_rate_hz = 0;  // 0: unknown
    std::vector<Named> info;   // data::Session::info
  };
  std::vector<Session> sessions;
  double mean = 0, std = 1;  // of the stimuli, which the model sees as (movie - mean) / std

  DataFacts() = default;
  DataFacts(const data::Recordings& recordings);  // NOLINT: where a run has them, they are what is meant
};

// Writes the files into `folder`, weights first, each atomically.
void write_bundle(const std::string& folder, const Model& model, const config::Node& composed,
                  const config::Node& config, const DataFacts& data, const config::Json& metrics);

struct Bundle {
  Model model;                        // in evaluation mode
  config::Node config;                // resolved, as trained
  config::Json about;                 // model.json
  std::vector<std::string> warnings;  // a plugin that is not the one it was trained with
};

// The bundle's folder, or the ensemble's (ensemble.h), of a run or of the bundle itself; as it is when neither holds one.
std::string bundle_folder(const std::string& run_or_bundle);

// Builds the model from the bundle's own description and loads its weights. Throws Error when a file is damaged or a plugin
// is missing.
Bundle read_bundle(const std::string& folder, plugins::Catalogue& catalogue);

// The sessions, neurons, stimulus size and normalisation of a trained model have to be those of the data. Throws Error.
void check_data(const Bundle& bundle, const data::Recordings& recordings, const std::string& folder);

}  // namespace plexiform::model

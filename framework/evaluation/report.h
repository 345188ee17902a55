// The scores of a model: one row per neuron for the record, one line per session for the eye.
// Medians and means are over the neurons whose score is a number; n counts them.
// Scores of different lengths within a session are a programmer's error: std::invalid_argument.
#pragma once

#include <ATen/core/Tensor.h>
#include <plexiform/given.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace plexiform::evaluation {

// Scores of the neurons of one session for one stimulus.
struct NeuronScores {
  std::string session, stimulus;
  std::vector<std::string> neurons;  // names; empty: "0", "1", ...
  std::vector<Named> scores;         // metric -> (N), as score() gives them; equally long
};

struct Summary {
  double median = 0, mean = 0;  // NaN when n is 0
  int64_t n = 0;
};
Summary summarize(const at::Tensor& scores);

// session,stimulus,neuron,correlation_to_average,...: a header and a line per neuron; "nan" where
// there is no score. Quoted as RFC 4180 says. Columns are the metrics of the first entry.
std::string to_csv(const std::vector<NeuronScores>& all);

// {"definitions": {metric: formula},
//  "sessions": [{"session", "stimulus", "neurons": [name], "scores": {metric: [number or null]},
//                "summary": {metric: {"median", "mean", "n"}}}],
//  "summary": {metric: {"median", "mean", "n"}}}    over all neurons
nlohmann::ordered_json to_json(const std::vector<NeuronScores>& all);

// For the console, with a last line over all neurons when there are several sessions; split: what was scored, "test":
//
//   session  stimulus  neurons  test correlation  noise ceiling  fraction
//   A        movie          20             0.712          0.803     0.887
//
// medians over neurons; the fraction is correlation / ceiling of each neuron. "-" is unknown.
std::string to_table(const std::vector<NeuronScores>& all, const std::string& split);

// Writes FOLDER/scores.csv and FOLDER/scores.json, each whole or not at all.
void write_report(const std::string& folder, const std::vector<NeuronScores>& all);

}  // namespace plexiform::evaluation

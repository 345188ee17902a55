// A trained model's predictions beside what was recorded.
#pragma once

#include <data/batches.h>
#include <evaluation/report.h>
#include <model/model.h>

namespace plexiform::evaluation {

// Of one part of the data, its windows one after another; T counts predicted bins only.
struct Trace {
  at::Tensor prediction, target;  // (T, N) float32
  at::Tensor repeats;             // (R, T, N) float32 of a test with repeats, else undefined
};

// The model is left in evaluation mode.
Trace predict(const model::Model& model, const data::Recordings& recordings, const data::Part& part,
              int64_t batch_size);

// The scores of each part: one entry per session and stimulus. Neurons are named by session_info/cell_id where the data have it.
std::vector<NeuronScores> score_parts(const model::Model& model, const data::Recordings& recordings,
                                      const std::vector<data::Part>& parts, const data::LoaderParams& loader);

// Of the mean of what several models predict, with one more metric, `spread`: how far apart they are.
std::vector<NeuronScores> score_parts(const std::vector<const model::Model*>& members,
                                      const data::Recordings& recordings, const std::vector<data::Part>& parts,
                                      const data::LoaderParams& loader);

}  // namespace plexiform::evaluation

// A checkpoint: one safetensors file that holds everything needed to continue at this very step: the model's tensors
// ("model.*"), the optimiser's ("optimizer.*"), the random generator, and the state of the loop as JSON in the metadata.
// Written atomically; the checksum inside shows a damaged one.
#pragma once

#include <plexiform/given.h>
#include <plexiform/params.h>
#include <training/optimizer.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::training {

// Where the loop stands.
struct TrainerState {
  int64_t epoch = 0;             // completed epochs
  int64_t step = 0;              // optimiser steps so far
  int64_t batch = 0;             // batches done of the current epoch
  int64_t pending = 0;           // batches whose gradients wait for an optimiser step; 0 in a checkpoint
  bool stopped = false;          // early stopping has said so
  double seconds = 0;            // of training so far, where there is a limit
  Json history = Json::array();  // one row of metrics per epoch, and per validation within one

  Json write() const;
  void read(const Json& json);
};

struct Checkpoint {
  std::string file;
  std::vector<Named> model;
  std::vector<Named> average;  // WeightAverage
  OptimizerState optimizer;
  at::Tensor generator;  // of LibTorch's default CPU generator
  Json loop;             // TrainerState and what schedule, stopping, sampler and means need

  // The model's tensors as it predicts: the averages where there are some.
  std::vector<Named> predicting() const;
};

void write_checkpoint(const std::string& file, const Checkpoint& checkpoint);
Checkpoint read_checkpoint(const std::string& file);

// The newest checkpoint of a run folder that is whole; damaged ones are passed over and named in `skipped`.
std::optional<Checkpoint> newest_checkpoint(const std::string& folder, std::vector<std::string>& skipped);

}  // namespace plexiform::training

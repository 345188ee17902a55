// A checkpoint of openretina made a model here: the arguments that its model was built from become a config, its tensors the
// model's. Nothing is written.
#pragma once

#include <model/bundle.h>
#include <openretina/checkpoint.h>
#include <plugins/catalogue.h>

namespace plexiform::openretina {

// What became of a tensor of the checkpoint.
struct Fate {
  enum What { taken, renamed, left };
  std::string name;  // in the checkpoint
  What what;
  std::string detail;  // the new name, or why it was left
};

struct Imported {
  config::Node config;  // {model: ..., compat: openretina}
  model::Model model;   // with the checkpoint's tensors, in evaluation mode
  model::DataFacts data;
  std::string model_class;         // openretina's
  std::vector<Fate> tensors;       // in the checkpoint's order
  std::vector<std::string> notes;  // arguments that were passed over or supposed
};

// overrides: "key=value" for arguments of the model that the checkpoint does not have, or has otherwise ("in_shape=[1,30,60,80]",
//            "readout.nonlinearity=exp"); "_target_=..." for the model's class.
// Throws Error(file, what, fix): a class that is not known, an argument that has no counterpart here, a tensor that is
// missing, of another shape, or unknown.
Imported import_checkpoint(const std::string& file, const std::vector<std::string>& overrides,
                           plugins::Catalogue& catalogue);

}  // namespace plexiform::openretina

// Expands the defaults list of a primary config, depth first, into the configs to merge and the
// places they land in.
#pragma once

#include <config/choices.h>

namespace plexiform::config {

// One config to merge.
struct Step {
  const ConfigFile* config = nullptr;
  std::string package;  // where its content lands, "" for the top
  std::string parent;   // the config whose defaults list names it
  std::string chain;    // "chosen by 'model: big' in conf/train.yaml:3:5"; "" for the primary
  bool self = false;    // it has a defaults list, and this is its _self_
};

// A line of the tree that --info defaults-tree prints.
struct Branch {
  std::string text;              // "model: small", "callbacks/checkpoint", "_self_"
  std::vector<Branch> children;  // none for a config without a defaults list
};

struct Defaults {
  std::vector<Step> steps;
  std::vector<Choice> choices;          // from the last entry to the first, as Hydra keeps them
  std::vector<Override> config_values;  // the overrides that do not choose
  Branch tree;                          // <root>
};

// Throws Error with the place of the entry that is wrong, and the chain of entries above it.
Defaults expand_defaults(Repository& repository, const std::string& primary, const std::vector<Override>& overrides);

}  // namespace plexiform::config

// The layouts that can be read, by name. A reader is one pair of files in this folder and one line in readers.cpp.
#pragma once

#include <config/node.h>
#include <data/recordings.h>

#include <map>
#include <string>
#include <vector>

namespace plexiform::data {

struct Reader {
  std::string target;  // of `data_io`: plexiform.data.X
  // openretina's two functions, of data_io.stimuli and data_io.responses, for the same files; their keys are joined into
  // the one node that `read` takes. Without `join`: it has none for this layout.
  std::string stimuli, responses;
  config::Node (*join)(const config::Node& stimuli, const config::Node& responses);
  // node: `data_io` with this reader's knobs; root: the whole resolved config.
  Recordings (*read)(const config::Node& node, const config::Node& root);
};

const std::vector<Reader>& readers();

// The reader of a resolved config's `data_io`, and the node that it is given.
struct Chosen {
  const Reader* reader;
  config::Node node;
  bool pair;  // openretina's two functions were named
};
// Throws Error(where in the config, ...).
Chosen chosen_reader(const config::Node& root);

// A node with the keys of both, base_data_path as `path`. Throws Error when they differ in a key that both have.
config::Node join_pair(const config::Node& stimuli, const config::Node& responses);

// Throws Error(where node, ...) unless its `_target_` is one of `known`.
void check_target(const config::Node& node, const std::string& path, const std::vector<std::string>& known);

}  // namespace plexiform::data

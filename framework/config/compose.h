// Hydra's composition: a primary config with a defaults list of groups, merged in order, then the
// overrides of the command line. Oracle: Hydra 1.3.5 and OmegaConf 2.3.1.
#pragma once

#include <config/node.h>

#include <ctime>

namespace plexiform::config {

struct Request {
  std::vector<std::string> search_path;  // config folders, the first match wins
  std::string name;                      // of the primary config, with or without ".yaml"
  std::vector<std::string> overrides;    // "key=value", "+key=value", "~key", "group=option", ...
};

struct Composition {
  Node job;    // the user's config, interpolations unresolved
  Node hydra;  // Hydra's own node (run.dir, sweep, job, runtime), unresolved
  // group -> option, "[a, b]" for a list of options, "null" for none
  std::vector<std::pair<std::string, std::string>> choices;
  std::vector<std::pair<std::string, std::string>> chains;  // group file -> "chosen by 'model: big' in train.yaml:3:5"
  std::vector<std::string> files;                           // that were read, in order
};

// Throws Error with file:line:column and, for a group file, the chain of defaults that chose it.
Composition compose(const Request& request);

// An error about a value of a group file, with the chain of defaults that brought the file in.
Error with_chain(const Composition& composition, const Error& error);

// The folder of a single run, absolute: hydra.run.dir, resolved at the time `now`.
std::string run_folder(const Composition& composition, std::time_t now);

// Says where the run goes, so that ${hydra:runtime.output_dir} can be read. Made absolute.
void set_output_folder(Composition& composition, const std::string& folder);

// Reads one YAML document as OmegaConf does (YAML 1.1 with its exceptions). Throws Error.
Node read_yaml(const std::string& file);
Node parse_yaml(const std::string& text, const std::string& name_for_errors);

// As OmegaConf writes it: block style, strings quoted where they would read back as another type.
std::string to_yaml(const Node& node);

}  // namespace plexiform::config

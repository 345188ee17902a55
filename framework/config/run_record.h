// How a run was asked for, so that it can be made again: .hydra/command.yaml of its folder.
#pragma once

#include <config/compose.h>

namespace plexiform::config {

struct RunRecord {
  std::string version;                    // of the host
  std::string working_directory;          // what relative paths begin at
  std::string config;                     // a name on the search path
  std::vector<std::string> search_path;   // folders of configs, without the one that comes with the host
  std::vector<std::string> overrides;     // of the command line
  std::vector<std::string> plugin_files;  // --plugin
  std::vector<std::string> plugin_paths;  // --plugin-path

  // What compose() needs to do it again, from the working directory.
  Request request() const;
};

// A request that is about to be carried out here, by this version.
RunRecord record(const Request& request, std::vector<std::string> plugin_files, std::vector<std::string> plugin_paths);

Node to_node(const RunRecord& record);
// `file` is named in errors. Throws Error for anything that to_node() would not have made.
RunRecord record_from(const Node& node, const std::string& file);

// Of a run folder. Throws Error when it is none, or has no record.
RunRecord read_record(const std::string& run_folder);

}  // namespace plexiform::config

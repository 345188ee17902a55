// Where the files are that a config names: on this machine, or on a server from which somebody has to fetch them.
// Nothing is downloaded here.
#pragma once

#include <config/node.h>

#include <string>

namespace plexiform::data {

// The file or folder that `name` stands for.
//   name      a path; or an address (https://...) of a data set of Hugging Face or GIN, which is looked for in `cache`:
//             what follows /main/ of the one, the last two parts of the other. An archive X.zip stands for what was
//             extracted from it: X/ or a file X.* in the same folder
//   cache     a folder; "": that of OPENRETINA_CACHE_DIRECTORY, or ~/openretina_cache
// Throws Error(name, ...) that says where the file has to be put, or that an archive has to be extracted.
std::string local_path(const std::string& name, const std::string& cache = "");

// The same for a node of a config: a text, or openretina's
//   {_target_: openretina.utils.file_utils.get_local_file_path, file_path: ..., cache_folder: ...}
// Throws Error with the place of the node, `path` in the config.
std::string local_path(const config::Node& node, const std::string& path);

}  // namespace plexiform::data

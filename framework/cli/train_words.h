// A request for a run as words of the command line.
#pragma once

#include <config/run_record.h>

namespace plexiform::cli {

// "train", the flags, then the overrides: what makes plexiform do what `record` says, in its working directory.
std::vector<std::string> train_words(const config::RunRecord& record);

}  // namespace plexiform::cli

// `plexiform plugins doctor`: the environment on one screen, with a remedy for what is wrong in it.
#pragma once

#include <plugins/sources.h>

namespace plexiform::cli {

// Prints the report. Says as much as it can when libplexiform.so or LibTorch cannot be loaded, and returns 1 then; 0 else,
// also when plugins are refused.
int plugins_doctor(const plugins::Sources& sources, bool json);

}  // namespace plexiform::cli

// What completion offers from the configs themselves.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// The configs at the top of the search path that the words set up (--config-path, --config-dir).
std::vector<std::string> config_names(const std::vector<std::string>& words);

// Overrides that begin with `start`: groups ("model="), their options ("model=simple_core", "logger=[csv"), and the
// keys of the config that `words` compose, one dot at a time ("model.", "trainer.max_epochs="), with the value that a
// key has now. After '+' groups that are not chosen yet, after '~' what can be removed. Throws Error when nothing
// composes.
std::vector<std::string> overrides(const std::vector<std::string>& words, const std::string& start);

}  // namespace plexiform::cli

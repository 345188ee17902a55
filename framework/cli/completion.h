// Completion on the Tab key: commands, flags, groups and their options, keys of the config and their values, files.
//
//   plexiform completion bash|zsh|fish    prints the script that a shell reads: eval "$(plexiform completion bash)"
//   plexiform --complete LINE             what the scripts ask: the words that may stand at the end of LINE
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// What may stand in the place of the last word of `line`, "plexiform train model=si": whole words, sorted. A word that
// ends in '=', '.', '/' or ',' is a beginning. Never throws: nothing is known of a line that makes no sense.
std::vector<std::string> completions(const std::string& line);

// What follows "completion" on the command line. Throws Usage for a shell that is none.
int completion_command(const std::vector<std::string>& arguments);

// What follows "--complete": the line so far.
int complete_command(const std::vector<std::string>& arguments);

}  // namespace plexiform::cli

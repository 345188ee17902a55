// Command lines as a POSIX shell writes and reads them.
#pragma once

#include <string>
#include <vector>

namespace plexiform::cli {

// The word, quoted if a shell would change it: seed=1, 'a b', 'x=${y}'.
std::string shell_quoted(const std::string& word);

// The words, quoted, with blanks between them.
std::string shell_quoted(const std::vector<std::string>& words);

// The words of a line that is still being typed. The last one is the word at the cursor: "" after a blank, whole even
// if its quote is open. Variables and the like are left as they are.
std::vector<std::string> typed_words(const std::string& line);

}  // namespace plexiform::cli

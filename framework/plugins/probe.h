// Opens plugin files in a child process first: what a file does when it is opened (a crash, a hang, exit(0)) happens to the
// child. The child is `plexiform --probe-plugins FILE...`; it prints one JSON line per step:
//
//   {"ready": true}                                   LibTorch and libplexiform.so are loaded
//   {"begin": FILE}                                   about to be opened
//   {"end": FILE, "components": [{"kind", "name", "knobs"}]}
//   {"end": FILE, "problem": TEXT, "fix": TEXT}       or this, when it cannot be opened
//   {"done": 3}                                       the last line: exit status 0 without it proves nothing
#pragma once

#include <plugins/cache.h>

#include <chrono>
#include <string>
#include <vector>

namespace plexiform::plugins {

struct ProbeLimits {
  std::chrono::milliseconds silence{5'000};  // while a file is opened: longer is a hang
  std::chrono::milliseconds start{120'000};  // until LibTorch is loaded, from a cold disk
};

// One result per file, in their order. When a file ends the child, another child goes on with the rest.
//   command  the `plexiform` program (sources.h, command_file)
// Throws Error when the child cannot be started or ends before it is ready.
std::vector<Seen> probe(const std::string& command, const std::vector<std::string>& files,
                        const ProbeLimits& limits = {});

// The child's side: `open` describes one file, as above, or throws. Writes to standard output, which the files no longer
// reach. Returns only when it cannot: an exit status.
int answer_probe(const std::vector<std::string>& files, Json (*open)(const std::string& file));

}  // namespace plexiform::plugins

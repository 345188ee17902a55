// What a component shares with the process that it runs in, and has to leave as it was.
#pragma once

#include <map>
#include <string>

namespace plexiform::conformance {

// Settings by name: environment, locale, working directory, signal handlers, LibTorch's threads, default type, random seed
// and switches, floating-point mode, open files, threads.
using Surroundings = std::map<std::string, std::string>;
Surroundings surroundings();

// "" if both are equal, else a sentence.
std::string difference(const Surroundings& before, const Surroundings& after);

// Standard output and standard error while it lives: held back, and kept as text.
class HeldOutput {
 public:
  HeldOutput();
  ~HeldOutput();
  HeldOutput(const HeldOutput&) = delete;
  // What was printed so far.
  std::string text() const;

 private:
  int file_ = -1, saved_[2] = {-1, -1};
};

}  // namespace plexiform::conformance

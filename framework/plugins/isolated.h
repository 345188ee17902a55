// Runs part of the program in a child process, where a crash, a hang or an exit() of a plugin does no harm.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace plexiform::plugins {

// How a child process ended, from waitpid's status: "crashed (SIGSEGV)", "ended the process (exit status 3)".
std::string how_it_ended(int status);
// "SIGSEGV"; of a status that says that a signal ended it.
std::string signal_name(int status);

struct Ended {
  std::string answer;      // what `body` returned
  std::string problem;     // "", or how the child ended before it answered: as above, or "hung for 5 s"
  bool timed_out = false;  // then it was killed
  std::string last_words;  // the last line that it wrote, or the one with a sanitizer's finding; "" if none
};

// Forks this process and runs `body` there, with standard input from nowhere and its output held back. What it starts is
// killed with it; it does not outlive this process. An exception out of `body` ends the child (abort).
// It hangs when it is not done after `limit`; on a busy machine, when its processor time reaches `limit` too.
// To be called while this process has a single thread: others do not exist in the child. With LibTorch loaded that holds
// until its first operator has run.
Ended run_isolated(const std::function<std::string()>& body, std::chrono::milliseconds limit);

}  // namespace plexiform::plugins

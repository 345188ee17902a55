// Child processes that write to a file and are told to stop together.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace plexiform::cli {

struct Child {
  std::string program;
  std::vector<std::string> arguments;  // without the program's name
  std::string log;                     // takes standard output and standard error
  std::string working_directory;
  int threads = 0;  // OMP_NUM_THREADS, unless the user has set it; 0: as it is
};

// Starts it in a process group of its own, so that Ctrl-C reaches it through the parent alone; it is asked to stop when
// the parent dies. Throws Error.
pid_t start(const Child& child);

// Waits for any child, or until a signal arrives. Returns its process id and puts 0..255 or 128 + signal into `code`; 0
// when there was only a signal, -1 when there is no child.
pid_t wait_for_any(int& code);

// While it lives, SIGINT and SIGTERM are noted instead of ending this process.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  // How many signals have come, and the last of them.
  static int count();
  static int last();

 private:
  struct Previous;
  std::unique_ptr<Previous> previous_;
};

}  // namespace plexiform::cli

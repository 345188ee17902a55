// Ctrl-C and SIGTERM ask a command to end cleanly; a second one ends it at once.
#pragma once

namespace plexiform::cli {

class InterruptGuard {  // while it lives
 public:
  InterruptGuard();
  ~InterruptGuard();
  // The signal that asked to stop, or 0.
  static int requested();

 private:
  void (*previous_int_)(int);
  void (*previous_term_)(int);
};

}  // namespace plexiform::cli

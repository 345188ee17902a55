// Ctrl-C and SIGTERM end a run cleanly: the current step is finished, a checkpoint written. A second Ctrl-C ends it at once.
#pragma once

namespace plexiform::training {

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

}  // namespace plexiform::training

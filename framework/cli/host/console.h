// What a user sees while a model trains: a bar on a terminal, one line per epoch everywhere. Ctrl-C and SIGTERM suspend the
// run after the current step.
#pragma once

#include <cli/host/interrupt.h>
#include <training/progress.h>

namespace plexiform::cli {

class Console final : public training::EpochLines {
 public:
  // bar: redraw a line on standard error after every step (ten times a second at most).
  explicit Console(bool bar) : bar_(bar) {}
  ~Console() override { clear(); }

  host::Next step_done(const host::Step& step) override;
  host::Next epoch_done(const host::Epoch& epoch) override;
  void scores_begin() override;  // the process hands freed memory back from now on (memory.h)

 private:
  void say(const std::string& line) override;
  void clear();

  const InterruptGuard guard_;
  bool bar_, drawn_ = false;
  std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace plexiform::cli

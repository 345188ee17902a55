#include <cli/host/interrupt.h>
#include <unistd.h>

#include <csignal>

namespace plexiform::cli {
namespace {

volatile std::sig_atomic_t asked = 0;

void ask(int signal) {
  if (asked) _exit(128 + signal);
  asked = signal;
}

}  // namespace

InterruptGuard::InterruptGuard() : previous_int_(std::signal(SIGINT, ask)), previous_term_(std::signal(SIGTERM, ask)) {
  asked = 0;
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, previous_int_);
  std::signal(SIGTERM, previous_term_);
}

int InterruptGuard::requested() { return asked; }

}  // namespace plexiform::cli

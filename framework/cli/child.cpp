#include <cli/child.h>
#include <fcntl.h>
#include <plexiform/error.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace plexiform::cli {
namespace {

volatile std::sig_atomic_t signals = 0, last_signal = 0;

void note(int signal) {
  signals = signals + 1;
  last_signal = signal;
}

}  // namespace

pid_t start(const Child& child) {
  const int log = open(child.log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  if (log < 0) throw Error(child.log, std::strerror(errno), "name a place that can be written");
  std::vector<char*> arguments = {const_cast<char*>(child.program.c_str())};
  for (const auto& argument : child.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const std::string threads = std::to_string(child.threads);
  const pid_t parent = getpid(), process = fork();
  if (process < 0) {
    close(log);
    throw Error(child.program, std::strerror(errno), "fewer runs at a time (--jobs)");
  }
  if (process == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(128 + SIGTERM);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (child.threads > 0) setenv("OMP_NUM_THREADS", threads.c_str(), 0);
    if (chdir(child.working_directory.c_str()) != 0) {
      dprintf(STDERR_FILENO, "%s: %s\n", child.working_directory.c_str(), std::strerror(errno));
      _exit(1);
    }
    execv(child.program.c_str(), arguments.data());
    dprintf(STDERR_FILENO, "%s: %s\n", child.program.c_str(), std::strerror(errno));
    _exit(127);
  }
  setpgid(process, process);  // in both, as either may come first
  close(log);
  return process;
}

pid_t wait_for_any(int& code) {
  int status = 0;
  const pid_t process = waitpid(-1, &status, 0);
  if (process < 0) return errno == EINTR ? 0 : -1;
  code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return process;
}

struct SignalGuard::Previous {
  struct sigaction interrupt, terminate;
};

SignalGuard::SignalGuard() : previous_(std::make_unique<Previous>()) {
  signals = 0;
  last_signal = 0;
  struct sigaction action {};
  action.sa_handler = note;  // without SA_RESTART: waiting ends when a signal comes
  sigaction(SIGINT, &action, &previous_->interrupt);
  sigaction(SIGTERM, &action, &previous_->terminate);
}

SignalGuard::~SignalGuard() {
  sigaction(SIGINT, &previous_->interrupt, nullptr);
  sigaction(SIGTERM, &previous_->terminate, nullptr);
}

int SignalGuard::count() { return signals; }
int SignalGuard::last() { return last_signal; }

}  // namespace plexiform::cli

// Runs the plexiform command as a user would.
#pragma once

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

struct Ran {
  int code = -1;       // exit code, or 128 + signal
  std::string output;  // standard output and standard error
};

struct Limits {
  unsigned seconds = 0;           // then SIGALRM ends it; 0: none
  bool without_override = false;  // root too is refused what permissions forbid
};

// A running command; its output goes to a file.
class Command {
 public:
  Command(const std::vector<std::string>& arguments, const std::string& output_file, const Limits& limits = {})
      : file_(output_file) {
    process_ = fork();
    if (process_ == 0) {
      const int out = open(file_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
      dup2(out, STDOUT_FILENO);
      dup2(out, STDERR_FILENO);
      alarm(limits.seconds);
      if (limits.without_override) {
        for (const int power : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH}) prctl(PR_CAPBSET_DROP, power);
      }
      std::vector<char*> argv = {const_cast<char*>(PLEXIFORM_COMMAND)};
      for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      execv(PLEXIFORM_COMMAND, argv.data());
      _exit(127);
    }
  }
  ~Command() {
    if (process_ > 0) {
      kill(SIGKILL);
      wait();
    }
  }
  Command(const Command&) = delete;

  void kill(int signal) const { ::kill(process_, signal); }
  std::string output() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }
  Ran wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), output()};
  }

 private:
  std::string file_;
  pid_t process_;
};

inline Ran run(const std::vector<std::string>& arguments, const std::string& output_file, const Limits& limits = {}) {
  return Command(arguments, output_file, limits).wait();
}

#include <fcntl.h>
#include <fmt/format.h>
#include <plexiform/error.h>
#include <plugins/isolated.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace plexiform::plugins {

namespace {

using Clock = std::chrono::steady_clock;

constexpr char end_of_answer = '\0';  // exit status 0 without it proves nothing

[[noreturn]] void run_child(const std::function<std::string()>& body, int answer, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (const int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC); nowhere >= 0) dup2(nowhere, 0);
  dup2(output, 1);
  dup2(output, 2);
  const std::string text = body() + end_of_answer;
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(answer, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  _exit(0);  // static destructors are the parent's
}

std::chrono::nanoseconds processor_time(pid_t child) {
  clockid_t clock;
  timespec t;
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

// Milliseconds for the next wait, 0: none. A child that works, but gets little of a busy machine, is not hung: past the
// limit it may go on until its own processor time reaches it, ten times as long at most.
int64_t time_left(pid_t child, Clock::time_point start, std::chrono::milliseconds limit) {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  if (passed < limit) return (limit - passed).count();
  const auto worked = processor_time(child);
  const bool kept_waiting = worked > passed / 20 && worked < limit && passed < 10 * limit;
  return kept_waiting ? 100 : 0;
}

std::string last_line(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

// What says why it ended: a sanitizer's finding, which is not its last line, or else the last line.
std::string last_words(int file) {
  std::string text(16384, '\0');
  const off_t size = lseek(file, 0, SEEK_END);
  const ssize_t n = pread(file, text.data(), text.size(), std::max<off_t>(0, size - static_cast<off_t>(text.size())));
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  for (const char* finding : {"SUMMARY: AddressSanitizer: ", ": runtime error: "}) {
    const size_t at = text.rfind(finding);
    if (at != std::string::npos) return last_line(std::string_view(text).substr(0, text.find('\n', at)));
  }
  return last_line(text);
}

}  // namespace

std::string signal_name(int status) {
  const char* name = sigabbrev_np(WTERMSIG(status));
  return name ? "SIG" + std::string(name) : "signal " + std::to_string(WTERMSIG(status));
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "crashed (" + signal_name(status) + ")";
  return "ended the process (exit status " + std::to_string(WEXITSTATUS(status)) + ")";
}

Ended run_isolated(const std::function<std::string()>& body, std::chrono::milliseconds limit) {
  int ends[2];
  const int output = memfd_create("output", MFD_CLOEXEC);
  if (output < 0 || pipe2(ends, O_CLOEXEC) != 0) throw Error("", std::strerror(errno), "close other programs");
  std::fflush(nullptr);  // or the child would print it again
  const pid_t parent = getpid(), child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(body, ends[1], output, parent);
  }
  const int failed = errno;
  close(ends[1]);
  Ended ended;
  bool whole = false;
  const auto start = Clock::now();
  while (child > 0 && !whole) {
    const int64_t left = time_left(child, start, limit);
    pollfd wait = {ends[0], POLLIN, 0};
    const int ready = left > 0 ? poll(&wait, 1, static_cast<int>(left)) : 0;
    if ((ready < 0 && errno == EINTR) || (ready == 0 && left > 0)) continue;
    ended.timed_out = ready == 0;
    if (ready <= 0) break;
    char bytes[65536];
    const ssize_t n = read(ends[0], bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    ended.answer.append(bytes, static_cast<size_t>(n));
    whole = ended.answer.back() == end_of_answer;
  }
  close(ends[0]);
  int status = 0;
  if (child > 0) {
    if (whole || ended.timed_out) {
      kill(child, SIGKILL);  // before its group exists, or after it is gone, there is still the child
      kill(-child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    kill(-child, SIGKILL);  // what it started
  }
  ended.last_words = last_words(output);
  close(output);
  if (child < 0) throw Error("", std::string("no child process: ") + std::strerror(failed), "close other programs");
  if (whole) {
    ended.answer.pop_back();
  } else {
    ended.problem = ended.timed_out ? fmt::format("hung for {:g} s", static_cast<double>(limit.count()) / 1e3)
                                    : how_it_ended(status);
  }
  return ended;
}

}  // namespace plexiform::plugins

#include <fcntl.h>
#include <fmt/format.h>
#include <plexiform/error.h>
#include <plugins/isolated.h>
#include <plugins/probe.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

extern char** environ;

namespace plexiform::plugins {

namespace {

using Clock = std::chrono::steady_clock;

// A child process and the lines that it prints. (Boost.Process 1.74 needs Boost.Filesystem's compiled library.)
class Child {
 public:
  Child(const std::string& command, const std::vector<std::string>& files) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(command, std::strerror(errno), "close other programs");
    std::vector<std::string> words = {command, "--probe-plugins"};
    words.insert(words.end(), files.begin(), files.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);  // first: ends[1] may be 0 or 2
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int failed = posix_spawn(&pid_, command.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
    if (failed) {
      close(output_);
      throw Error(command, std::string("cannot be started: ") + std::strerror(failed), "check that it can be executed");
    }
  }
  ~Child() {
    stop(std::chrono::milliseconds(0));
    close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next line; none when there is none before the deadline (`timed_out`) or the output has ended.
  std::optional<std::string> line(Clock::time_point deadline, bool& timed_out) {
    timed_out = false;
    for (;;) {
      if (const size_t end = read_.find('\n'); end != std::string::npos) {
        std::string line = read_.substr(0, end);
        read_.erase(0, end + 1);
        return line;
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      pollfd wait = {output_, POLLIN, 0};
      const int ready = left > 0 ? poll(&wait, 1, static_cast<int>(left)) : 0;
      if (ready < 0 && errno == EINTR) continue;
      timed_out = ready == 0;
      if (ready <= 0) return {};
      char bytes[65536];
      const ssize_t n = read(output_, bytes, sizeof bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return {};
      read_.append(bytes, static_cast<size_t>(n));
    }
  }

  // Waits for its end, and kills it when that takes longer than `patience`: true.
  bool stop(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    bool late = false;
    while (pid_ > 0) {
      late = Clock::now() >= deadline;
      if (late) kill(pid_, SIGKILL);
      const pid_t ended = waitpid(pid_, &status_, late ? 0 : WNOHANG);
      if (ended == pid_ || (ended < 0 && errno != EINTR)) pid_ = 0;
      if (pid_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return late;
  }
  int status() const { return status_; }

 private:
  pid_t pid_ = 0;
  int output_ = -1, status_ = 0;
  std::string read_;
};

// By the user, a batch system or the kernel (out of memory): the file did nothing wrong.
bool was_interrupted(int status) {
  if (!WIFSIGNALED(status)) return false;
  const int signal = WTERMSIG(status);
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT || signal == SIGKILL ||
         signal == SIGXCPU;
}

Seen blocked(const std::string& what) {
  return {
      Verdict::blocked, {what + " when it was opened", "repair or remove it; it is tried again when it changes"}, {}};
}

Seen parse_end(const Json& line) {
  if (line.contains("problem")) {
    return {Verdict::failed, {line.at("problem").get<std::string>(), line.at("fix").get<std::string>()}, {}};
  }
  if (!is_description(line.at("components"))) {
    return {Verdict::failed, {"does not describe its knobs as it should", "report it to the plugin's author"}, {}};
  }
  return {Verdict::good, {}, line.at("components")};
}

// Opens files[first...] in one child; returns how many were dealt with.
size_t probe_some(const std::string& command, const std::vector<std::string>& files, size_t first,
                  const ProbeLimits& limits, std::vector<Seen>& results) {
  Child child(command, {files.begin() + static_cast<std::ptrdiff_t>(first), files.end()});
  bool timed_out = false, ready = false, begun = false, garbled = false;
  size_t next = first;
  for (;;) {
    const auto text = child.line(Clock::now() + (ready ? limits.silence : limits.start), timed_out);
    if (!text) break;
    const Json line = Json::parse(*text, nullptr, false);
    garbled = !line.is_object();
    if (garbled) break;
    if (line.contains("ready")) ready = true;
    if (line.contains("begin")) begun = true;
    if (line.contains("done")) return next - first;
    if (line.contains("end") && next < files.size()) {
      results.push_back(parse_end(line));
      ++next;
      begun = false;
    }
  }
  // Its output ends when it is gone, unless a file closed it.
  const bool killed = child.stop(timed_out || garbled ? std::chrono::milliseconds(0) : limits.silence);
  const std::string what = garbled  ? "garbled the answer"
                           : killed ? fmt::format("hung for {:g} s", limits.silence.count() / 1e3)
                                    : how_it_ended(child.status());
  if (!ready) {
    throw Error(command, "cannot open plugins: it " + (killed ? "does not answer" : what),
                "run `" + command + " --probe-plugins` to see why");
  }
  // After the last file, or between two: what an earlier one left behind (a thread) did it.
  if (!begun && next > first) {
    --next;
    results.pop_back();
  }
  if (!killed && was_interrupted(child.status())) {
    results.push_back(
        {Verdict::failed, {"opening it was interrupted (" + signal_name(child.status()) + ")", "try again"}, {}});
  } else {
    results.push_back(blocked(what));
  }
  return next + 1 - first;
}

}  // namespace

std::vector<Seen> probe(const std::string& command, const std::vector<std::string>& files, const ProbeLimits& limits) {
  std::vector<Seen> results;
  for (size_t done = 0; done < files.size();) done += probe_some(command, files, done, limits, results);
  return results;
}

int answer_probe(const std::vector<std::string>& files, Json (*open)(const std::string& file)) {
  // A crash here is expected: no core file, no survivor of the host, and no text of the files between the lines.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int from_terminal : {SIGINT, SIGQUIT, SIGHUP}) signal(from_terminal, SIG_IGN);  // the host decides
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int channel = fcntl(1, F_DUPFD_CLOEXEC, 3);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (channel < 0 || nowhere < 0) return 1;
  dup2(nowhere, 1);
  const auto say = [&](const Json& line) {
    const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = write(channel, text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) _exit(1);  // nobody listens
      done += static_cast<size_t>(n);
    }
  };
  say({{"ready", true}});
  for (const auto& file : files) {
    say({{"begin", file}});
    try {
      say({{"end", file}, {"components", open(file)}});
    } catch (const Error& e) {
      say({{"end", file}, {"problem", e.problem()}, {"fix", e.fix()}});
    } catch (const std::exception& e) {
      say({{"end", file}, {"problem", e.what()}, {"fix", "report it to the plugin's author"}});
    }
  }
  say({{"done", files.size()}});
  _exit(0);  // a destructor of a file must not spoil the answer
}

}  // namespace plexiform::plugins

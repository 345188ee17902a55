#include <cli/array_job.h>
#include <cli/child.h>
#include <cli/multirun.h>
#include <cli/shell_words.h>
#include <cli/sweep_table.h>
#include <config/override.h>
#include <config/sweep.h>
#include <fcntl.h>
#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Only one process runs a sweep at a time.
class Lock {
 public:
  explicit Lock(const std::string& folder) : file_(open((folder + "/jobs.yaml").c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) != 0) {
      throw Error(folder, "another process runs this sweep", "wait for it, or stop it first");
    }
  }
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;

 private:
  int file_;
};

// The last two lines that a run printed: what went wrong and the remedy.
std::string last_words(const std::string& log) {
  std::ifstream file(log);
  std::string before, last;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    before = std::exchange(last, line);
  }
  return last.starts_with("  fix: ") ? "    " + before + "\n    " + last + "\n" : "    " + last + "\n";
}

int runs_at_a_time(const CommandLine& line, const Sweep& sweep) {
  if (line.jobs > 0) return line.jobs;
  if (sweep.search) return static_cast<int>(sweep.search->settings.n_jobs);
  if (!line.resume.empty()) return 1;
  const auto composition = config::compose_sweep(line.request);
  const config::Node* jobs = composition.hydra.at_path("launcher.n_jobs");  // of hydra/launcher=joblib
  if (!jobs || jobs->kind != config::Kind::integer) return 1;
  return jobs->integer > 0 ? static_cast<int>(jobs->integer) : static_cast<int>(std::thread::hardware_concurrency());
}

class Runner {
 public:
  // Each run prints into a file of the folder `logs`. dry: each is told --dry-run, checks everything and writes nothing else.
  Runner(Sweep& sweep, const std::string& program, int at_a_time, const std::string& logs, bool dry)
      : sweep_(sweep), program_(program), at_a_time_(static_cast<size_t>(at_a_time)), logs_(logs), dry_(dry) {
    for (const auto& job : sweep.jobs) results_.push_back({&job, "", "not begun", {}});
  }

  // Returns the signal that stopped it, or 0.
  int run() {
    const SignalGuard guard;
    size_t next = 0;
    int told = 0;
    while (true) {
      while (running_.size() < at_a_time_ && !SignalGuard::count() && (next < results_.size() || search_on())) {
        begin(results_[next++]);
      }
      if (running_.empty()) break;
      int code = 0;
      const pid_t process = wait_for_any(code);
      for (; told < SignalGuard::count(); ++told) stop_all();
      if (const auto found = running_.find(process); found != running_.end()) {
        end(found->second, code);
        running_.erase(found);
      }
    }
    return SignalGuard::last();
  }

  const std::deque<SweepResult>& results() const { return results_; }
  size_t done() const {
    const auto is_done = [](const auto& result) { return result.status == "done"; };
    return static_cast<size_t>(std::count_if(results_.begin(), results_.end(), is_done));
  }
  // Whether as many runs as may have failed at most.
  bool succeeded() const {
    const auto failed = results_.size() - done();
    const double allowed = sweep_.search ? sweep_.search->settings.max_failure_rate : 0;
    return static_cast<double>(failed) <= allowed * static_cast<double>(results_.size()) && failed < results_.size();
  }

 private:
  struct Running {
    SweepResult* result;
    Clock::time_point since;
  };

  std::string log(const SweepResult& result) const { return fmt::format("{}/{}.log", logs_, result.job->number); }

  // The next trial of a search joins the sweep; false: there is none.
  bool search_on() {
    if (!sweep_.search || dry_) return false;
    if (static_cast<int64_t>(sweep_.jobs.size()) >= sweep_.search->settings.n_trials) return false;
    Search::Earlier trials;
    for (const auto& result : results_) trials.push_back({result.job->overrides, result.objective});
    const SweepJob& job = sweep_.add(sweep_.search->next(trials));
    sweep_.write_jobs();  // before it is begun
    results_.push_back({&job, "", "not begun", {}});
    return true;
  }

  // A run is done: what it came to.
  std::string finished(SweepResult& result) {
    result.status = "done";
    if (!sweep_.search) return score(result.folder);
    try {
      result.objective = sweep_.search->value(result.folder);
    } catch (const Error& e) {
      result.status = "failed";
      return fmt::format("failed\n    {}\n   ", e.what());
    }
    return fmt::format("{} {:.6g}", sweep_.search->objective, *result.objective);
  }

  void say(const SweepResult& result, const std::string& text) const {
    fmt::print("#{}  {}  {}\n", result.job->number, shell_quoted(result.job->overrides), text);
    std::fflush(stdout);
  }

  void begin(SweepResult& result) {
    try {
      result.folder = sweep_.run_folder(*result.job);
      const auto state = Sweep::state(result.folder);
      if (state == Sweep::State::done) {
        return say(result, finished(result) + " (done before)");
      }
      auto words = sweep_.words(*result.job, result.folder, state);
      if (dry_) words.push_back("--dry-run");
      if (!dry_ && state == Sweep::State::fresh) {
        fs::remove_all(result.folder + "/.hydra");  // of a run killed while it wrote that
        if (fs::is_directory(result.folder)) fs::remove(result.folder);
      }
      const int cores = static_cast<int>(std::thread::hardware_concurrency());
      const int threads = at_a_time_ > 1 ? std::max(1, cores / static_cast<int>(at_a_time_)) : 0;
      const pid_t process = start({program_, words, log(result), sweep_.request.working_directory, threads});
      running_[process] = {&result, Clock::now()};
      if (!dry_) say(result, state == Sweep::State::begun ? "resumed" : "started");
    } catch (const std::exception& e) {
      result.status = "failed";
      say(result, fmt::format("failed\n    {}", e.what()));
    }
  }

  void end(const Running& run, int code) {
    SweepResult& result = *run.result;
    const double seconds = std::chrono::duration<double>(Clock::now() - run.since).count();
    if (code == 0 && dry_) {
      result.status = "done";
      say(result, result.folder);
    } else if (code == 0) {
      say(result, fmt::format("{} ({:.0f} s)", finished(result), seconds));
    } else if (SignalGuard::count() && code > 128) {
      result.status = "stopped";
      say(result, "stopped");
    } else {
      result.status = "failed";
      const std::string how = code > 128 ? fmt::format("signal {}", code - 128) : fmt::format("exit code {}", code);
      const std::string where = dry_ ? "" : ", see " + log(result);
      say(result, fmt::format("failed ({}){}\n{}", how, where, last_words(log(result))));
    }
  }

  void stop_all() const {
    for (const auto& [process, run] : running_) kill(-process, SignalGuard::last());
  }

  Sweep& sweep_;
  const std::string program_;
  const size_t at_a_time_;
  const std::string logs_;
  const bool dry_;
  std::deque<SweepResult> results_;
  std::map<pid_t, Running> running_;
};

// --dry-run: all that can be known of every job before it trains, as `train --dry-run` finds it in a process of its own.
int check(Sweep& sweep, const std::string& program, int at_a_time) {
  files::check_place(sweep.folder);
  if (sweep.search) {  // the first that it would try stands for all
    const auto& settings = sweep.search->settings;
    fmt::print("{} {} in {} runs over\n", settings.direction, sweep.search->objective, settings.n_trials);
    for (const auto& argument : sweep.search->searched(sweep.search->arguments)) fmt::print("  {}\n", argument);
    if (sweep.jobs.empty()) sweep.add(sweep.search->next({}));
  }
  const files::NewFolder logs((fs::temp_directory_path() / "plexiform-dry-run").string());
  Runner runner(sweep, program, at_a_time, logs.path(), /*dry=*/true);
  const int signal = runner.run();
  fmt::print("{} of {} {} can run\n", runner.done(), sweep.jobs.size(), sweep.jobs.size() == 1 ? "job" : "jobs");
  return signal ? 128 + signal : runner.done() == sweep.jobs.size() ? 0 : 1;
}

// The best trial of a search: a line, and optimization_results.yaml as Hydra's sweeper for Optuna writes it.
void tell_best(const Sweep& sweep, const std::deque<SweepResult>& results) {
  const SweepResult* best = nullptr;
  for (const auto& result : results) {
    if (result.objective && (!best || sweep.search->better(*result.objective, *best->objective))) best = &result;
  }
  if (!best) return;
  config::Node record = config::Node::map();
  record["name"] = config::Node::text("optuna");
  config::Node& params = record["best_params"] = config::Node::map();
  const auto searched = sweep.search->searched(best->job->overrides);
  for (const auto& argument : searched) {
    const auto override = config::parse_override(argument, 0);
    if (override.value) params[override.address()] = *override.value;
  }
  record["best_value"] = config::Node::number(*best->objective);
  files::write_atomically(sweep.folder + "/optimization_results.yaml", config::to_yaml(record));
  fmt::print("best: #{}  {}  {} {:.6g}\n", best->job->number, shell_quoted(searched), sweep.search->objective,
             *best->objective);
}

// --launcher slurm: the runs are Slurm's from here on.
int hand_over(const Sweep& sweep, const std::string& program, int at_a_time) {
  const std::string job = submit(sweep, program, at_a_time);
  if (job.empty()) {
    fmt::print("all {} runs in {} are done\n", sweep.jobs.size(), sweep.folder);
  } else {
    fmt::print("{} runs in {}: Slurm's array job {}\n", sweep.jobs.size(), sweep.folder, job);
  }
  fmt::print("the table, once they have ended: plexiform train -m --resume {}\n", shell_quoted(sweep.folder));
  return 0;
}

}  // namespace

int multirun(const CommandLine& line, const std::string& program) {
  Sweep sweep = line.resume.empty() ? plan_sweep(line) : read_sweep(line.resume);
  const int at_a_time = runs_at_a_time(line, sweep);
  if (line.dry_run) return check(sweep, program, at_a_time);
  if (sweep.search && line.launcher == "slurm") {
    throw Error("--launcher slurm", "does not go with a search, whose runs depend on those before",
                "search here, with --jobs N, or give each key its values and add hydra/sweeper=basic");
  }
  if (line.resume.empty()) write_sweep(sweep, line);
  if (!line.resume.empty()) fs::current_path(sweep.request.working_directory);  // what relative paths begin at
  const Lock lock(sweep.folder);
  if (line.launcher == "slurm") return hand_over(sweep, program, line.jobs);
  const size_t runs = sweep.search ? static_cast<size_t>(sweep.search->settings.n_trials) : sweep.jobs.size();
  fmt::print("{} runs, {} at a time, in {}\n", runs, at_a_time, sweep.folder);
  Runner runner(sweep, program, at_a_time, sweep.folder, /*dry=*/false);
  const int signal = runner.run();
  const std::string objective = sweep.search ? sweep.search->objective : "";
  files::write_atomically(sweep.folder + "/results.csv", to_csv(runner.results(), objective));
  fmt::print("\n{}medians over neurons; also in {}/results.csv\n", to_table(runner.results(), objective), sweep.folder);
  if (sweep.search) tell_best(sweep, runner.results());
  if (signal) fmt::print("stopped; continue with: plexiform train -m --resume {}\n", shell_quoted(sweep.folder));
  return signal ? 128 + signal : runner.succeeded() ? 0 : 1;
}

}  // namespace plexiform::cli

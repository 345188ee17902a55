#include <ATen/record_function.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <training/profile.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <vector>

namespace plexiform::training {
namespace {

namespace kineto = torch::autograd::profiler;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string place(const ProfilerParams& params, const std::string& folder, const char* name) {
  return params.dirpath.value_or(folder) + "/" + params.filename.value_or(name);
}

// A part within another counts as that one: the core's work within `validation` is validation.
class Table final : public Profiler {
 public:
  explicit Table(std::string file) : file_(std::move(file)) {
    current = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::USER_SCOPE}));
  }
  ~Table() override {
    at::removeCallback(handle_);
    current = nullptr;
  }

  std::string finish() override {
    const double all = since(start_);
    auto parts = parts_;
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.seconds > b.seconds; });
    double rest = all;
    for (const auto& part : parts) rest -= part.seconds;
    parts.push_back({"the rest", 0, rest});
    std::string text = "part         times   seconds   share   ms each\n";
    for (const auto& [name, times, seconds] : parts) {
      text += fmt::format("{:<10} {:>7} {:>9.3f} {:>6.1f}%", name, times ? std::to_string(times) : "-", seconds,
                          100 * seconds / all);
      text += times ? fmt::format(" {:>9.3f}\n", 1000 * seconds / static_cast<double>(times)) : "         -\n";
    }
    text += fmt::format("{:<10} {:>7} {:>9.3f}  100.0%         -\n", "training", "-", all);
    files::write_atomically(file_, text);
    return "where the time went (" + file_ + ")\n" + text;
  }

 private:
  struct Part {
    std::string name;
    int64_t times = 0;
    double seconds = 0;
  };

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
    if (current && current->depth_++ == 0) current->began_ = Clock::now();
    return nullptr;
  }
  static void end(const at::RecordFunction& scope, at::ObserverContext*) {
    if (!current || current->depth_ == 0 || --current->depth_ > 0) return;
    const double seconds = since(current->began_);
    auto& parts = current->parts_;
    auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.name == scope.name(); });
    if (found == parts.end()) found = parts.insert(parts.end(), Part{scope.name(), 0, 0});
    ++found->times;
    found->seconds += seconds;
  }

  static thread_local Table* current;  // LibTorch calls plain functions
  const std::string file_;
  at::CallbackHandle handle_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point began_;
  int depth_ = 0;
  std::vector<Part> parts_;
};
thread_local Table* Table::current = nullptr;

// LibTorch's own profiler, Kineto.
class Trace final : public Profiler {
 public:
  Trace(const ProfilerParams& params, const std::string& folder)
      : params_(params), file_(place(params, folder, "trace.json")) {
    if (params_.wait == 0) start();
  }
  ~Trace() override {
    if (state_ == State::on) kineto::disableProfiler();
  }

  host::Next step_done(const host::Step&) override {
    ++batches_;
    if (state_ == State::waiting && batches_ >= params_.wait) {
      start();
    } else if (state_ == State::on && batches_ >= params_.wait + params_.active) {
      stop();
    }
    return host::Next::go_on;
  }

  std::string finish() override {
    if (state_ == State::on) stop();
    if (state_ == State::waiting) {
      return fmt::format("note: no trace: training ended after {} batches, trainer.profiler.wait is {}", batches_,
                         params_.wait);
    }
    return fmt::format("trace of {} batches: {}; open it in chrome://tracing or ui.perfetto.dev",
                       std::min(params_.active, batches_ - params_.wait), file_);
  }

 private:
  enum class State { waiting, on, done };
  static const std::set<torch::profiler::impl::ActivityType>& activities() {
    static const std::set<torch::profiler::impl::ActivityType> cpu = {torch::profiler::impl::ActivityType::CPU};
    return cpu;
  }

  void start() {
    const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO,
                                                       params_.record_shapes, params_.profile_memory);
    setenv("KINETO_LOG_LEVEL", "99", /*overwrite=*/0);  // it tells standard error of every start and stop
    kineto::prepareProfiler(config, activities());
    kineto::enableProfiler(config, activities());
    state_ = State::on;
  }

  void stop() {
    const auto result = kineto::disableProfiler();
    state_ = State::done;
    const std::string partial = file_ + ".partial";  // Kineto writes by name
    result->save(partial);
    std::error_code failed;
    std::filesystem::rename(partial, file_, failed);
    if (failed)
      throw Error(file_, "cannot be written: " + failed.message(), "name a trainer.profiler.dirpath with room");
  }

  const ProfilerParams params_;
  const std::string file_;
  State state_ = State::waiting;
  int64_t batches_ = 0;
};

}  // namespace

std::optional<ProfilerParams> read_profiler(const Json& knob) {
  if (knob.is_null() || knob == false) return std::nullopt;
  Json knobs = knob.is_object() ? knob : Json{{"name", knob}};
  if (knobs.contains("_target_")) {
    const std::string target = knobs.at("_target_").is_string() ? knobs.at("_target_").get<std::string>() : "";
    knobs["name"] = target.substr(target.rfind('.') + 1);
    knobs.erase("_target_");
  }
  if (!knobs.contains("name")) knobs["name"] = "simple";
  const std::pair<const char*, const char*> aliases[] = {
      {"advanced", "simple"}, {"SimpleProfiler", "simple"},  {"AdvancedProfiler", "simple"},
      {"pytorch", "chrome"},  {"PyTorchProfiler", "chrome"}, {"Simple", "simple"},
      {"Chrome", "chrome"},
  };
  for (const auto& [alias, name] : aliases) {
    if (knobs.at("name") == alias) knobs["name"] = name;
  }
  ProfilerParams params;
  try {
    read_params(params, knobs);
  } catch (const Error& e) {
    throw Error(knob.is_object() ? "profiler." + e.where() : "profiler", e.problem(), e.fix());
  }
  return params;
}

std::unique_ptr<Profiler> make_profiler(const ProfilerParams& params, const std::string& folder) {
  if (params.dirpath) std::filesystem::create_directories(*params.dirpath);
  if (params.name == "chrome") return std::make_unique<Trace>(params, folder);
  return std::make_unique<Table>(place(params, folder, "profile.txt"));
}

}  // namespace plexiform::training

// Where the time of a program goes, by LibTorch's own names of operators and of nodes of the backward pass: self time, that of
// what they call left out. Work of our own that no name covers is that of whatever called it, or of "(elsewhere)".
#pragma once

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace bench {

class Profile {
 public:
  Profile() {
    current() = this;
    handle_ = at::addGlobalCallback(at::RecordFunctionCallback(&begin, &end)
                                        .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
    start_ = now();
  }
  ~Profile() { at::removeCallback(handle_); }

  // Of `steps` steps; the names that took most.
  void print(int64_t steps, size_t most = 25) {
    at::removeCallback(handle_);
    const double whole = now() - start_;
    double named = 0;
    std::vector<std::pair<double, std::string>> rows;
    for (const auto& [name, seconds] : seconds_) rows.push_back({seconds, name}), named += seconds;
    rows.push_back({whole - named, "(elsewhere)"});
    std::sort(rows.rbegin(), rows.rend());
    fmt::print(stderr, "{:>10} {:>6}\n", "ms a step", "share");
    for (size_t k = 0; k < std::min(most, rows.size()); ++k) {
      fmt::print(stderr, "{:>10.3f} {:>5.1f}%  {}\n", 1e3 * rows[k].first / static_cast<double>(steps),
                 100 * rows[k].first / whole, rows[k].second);
    }
  }

 private:
  struct Frame : at::ObserverContext {
    double start = 0, called = 0;
    Frame* caller = nullptr;
  };
  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  static Profile*& current() {
    static Profile* one = nullptr;
    return one;
  }
  static Frame*& top() {
    thread_local Frame* frame = nullptr;
    return frame;
  }
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
    auto frame = std::make_unique<Frame>();
    frame->caller = top();
    top() = frame.get();
    frame->start = now();
    return frame;
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    auto* frame = static_cast<Frame*>(context);
    const double seconds = now() - frame->start;
    top() = frame->caller;
    if (frame->caller) frame->caller->called += seconds;
    const std::lock_guard<std::mutex> lock(current()->mutex_);
    current()->seconds_[function.name()] += seconds - frame->called;
  }

  at::CallbackHandle handle_;
  double start_ = 0;
  std::mutex mutex_;
  std::map<std::string, double> seconds_;
};

}  // namespace bench

#include "surroundings.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <c10/core/DefaultDtype.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cfenv>
#include <chrono>
#include <clocale>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <future>
#include <limits>
#include <locale>
#include <thread>

#include "specimen.h"
#include "topics.h"

extern char** environ;
// AddressSanitizer's allocator, of which mallinfo2 knows nothing; null in a process without it.
extern "C" __attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes();

namespace plexiform::conformance {

namespace {

namespace fs = std::filesystem;

std::string environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry && *entry; ++entry) all.emplace_back(*entry);
  std::sort(all.begin(), all.end());
  std::string text;
  for (const auto& entry : all) text += entry + "\n";
  return text;
}

size_t entries(const char* folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string signal_handlers() {
  std::string text;
  for (const int number :
       {SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, SIGCHLD, SIGALRM}) {
    struct sigaction action;
    sigaction(number, nullptr, &action);
    text += str(number, ":", reinterpret_cast<uintptr_t>(action.sa_handler), " ");
  }
  return text;
}

// One life of an instance: everything a training does with it.
void live(const Subject& subject, bool with_backward = true) {
  const Specimen specimen(subject);
  const auto x = specimen.input(1);
  auto value = specimen.value(x);
  if (with_backward && value.requires_grad()) value.backward();
  specimen->train(false);
  specimen.run(x);
}

// LibTorch's own pool does not grow while we look at threads and memory.
struct OneThread {
  const int before = at::get_num_threads();
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before); }
};

void settings_untouched(const Subject& subject) {
  const OneThread one_thread;
  at::ones({1}).set_requires_grad(true).square().sum().backward();  // LibTorch starts its threads for backward
  const auto before = surroundings();
  std::exception_ptr stopped;  // what was changed may be why
  try {
    live(subject);
    live(subject);
  } catch (...) {
    stopped = std::current_exception();
  }
  auto after = surroundings();
  for (int i = 0; i < 20 && after != before; ++i) {  // a thread may be about to end
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    after = surroundings();
  }
  const auto what = difference(before, after);
  expect(what.empty(), "after create, forward, backward and destruction " + what);
  if (stopped) std::rethrow_exception(stopped);
}

void silent(const Subject& subject) {
  std::string printed;
  {
    const HeldOutput output;
    live(subject);
    printed = output.text();
  }
  expect(printed.empty(), "create and forward print \"" + printed.substr(0, 200) + "\"");
}

int64_t allocated() {
  if (__sanitizer_get_current_allocated_bytes) return static_cast<int64_t>(__sanitizer_get_current_allocated_bytes());
  const auto info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

void no_growth(const Subject& subject) {
  constexpr int blocks = 4, lives = 25, smallest_chunk = 32;  // of malloc, bytes
  // In a thread of its own: what malloc keeps for a thread to use again counts as allocated until the thread ends.
  const auto block = [&] {
    std::async(std::launch::async, [&] {
      const OneThread one_thread;
      for (int i = 0; i < lives; ++i) live(subject, i % 5 == 0);
    }).get();
  };
  block();  // caches fill
  auto least = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < blocks; ++i) {
    const int64_t before = allocated();
    block();
    least = std::min(least, allocated() - before);  // a leak shows in every block, a cache does not
  }
  expect(least < lives * smallest_chunk, str("each ", lives, " instances leave at least ", least, " bytes allocated"));
}

}  // namespace

Surroundings surroundings() {
  const auto& context = at::globalContext();
  volatile double smallest = std::numeric_limits<double>::min();
  const auto seed = at::detail::getDefaultCPUGenerator().current_seed();
  return {
      {"the environment variables", environment()},
      {"the C locale", std::setlocale(LC_ALL, nullptr)},
      {"the C++ locale", std::locale().name()},
      {"the working directory", fs::current_path().string()},
      {"the signal handlers", signal_handlers()},
      {"LibTorch's number of threads", str(at::get_num_threads())},
      {"LibTorch's default dtype", std::string(c10::get_default_dtype().name())},
      {"LibTorch's random seed", str(seed)},
      {"LibTorch's deterministic switch", str(context.deterministicAlgorithms())},
      {"cuDNN's benchmark switch", str(context.benchmarkCuDNN())},
      {"grad mode", str(at::GradMode::is_enabled())},
      {"the rounding mode", str(std::fegetround())},
      {"the flushing of denormal numbers", str(smallest / 2 == 0)},
      {"the number of open files", str(entries("/proc/self/fd"))},
      {"the number of threads", str(entries("/proc/self/task"))},
  };
}

std::string difference(const Surroundings& before, const Surroundings& after) {
  std::string all;
  for (const auto& [name, value] : after) {
    const auto& was = before.at(name);
    if (was == value) continue;
    const bool long_text = was.size() + value.size() > 100;
    all += (all.empty() ? "" : "; ") + name + (long_text ? " changed" : " went from " + was + " to " + value);
  }
  return all;
}

HeldOutput::HeldOutput() {
  std::fflush(stdout);
  file_ = memfd_create("output", MFD_CLOEXEC);
  for (const int stream : {1, 2}) {
    saved_[stream - 1] = fcntl(stream, F_DUPFD_CLOEXEC, 3);
    dup2(file_, stream);
  }
}

HeldOutput::~HeldOutput() {
  std::fflush(stdout);
  for (const int stream : {1, 2}) {
    dup2(saved_[stream - 1], stream);
    close(saved_[stream - 1]);
  }
  close(file_);
}

std::string HeldOutput::text() const {
  std::fflush(stdout);
  std::string all(static_cast<size_t>(lseek(file_, 0, SEEK_END)), '\0');
  const ssize_t n = pread(file_, all.data(), all.size(), 0);
  all.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return all;
}

Checks surroundings_checks() {
  return {
      {"settings untouched",
       "environment, locale, signals, LibTorch's settings, threads and open files are afterwards as "
       "they were",
       "plexiform/component.h, Process; a library's set-up code, a std::thread that is not joined",
       &settings_untouched},
      {"silent", "nothing is printed",
       "plexiform/component.h, Process; in the constructor or forward std::cout, printf, std::cerr", &silent},
      {"no growth", "100 instances that are created, used and destroyed leave no memory behind",
       "plexiform/component.h, Process; in the destructor or forward shared_ptr cycles, new without delete, a static "
       "container that grows",
       &no_growth},
  };
}

}  // namespace plexiform::conformance

#include <c10/util/Exception.h>
#include <plugins/host/running.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace plexiform::plugins {

namespace {

std::atomic<const Site*> current_site = nullptr;
std::atomic<const char*> current_function = nullptr;

// In the handler of a signal little is allowed: neither allocation nor locks.
void say(const char* text) { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

// Nothing, when no component's code runs.
void say_what_runs(const char* what) {
  const Site* site = current_site;
  if (!site) return;
  for (const char* text : {"\nplexiform: ", what, " in ", current_function.load(), " of ", site->label.c_str(),
                           "\n  fix: report it to the author of ", site->plugin.c_str(),
                           "; `gdb --args plexiform ...` shows the place\n"}) {
    say(text);
  }
}

void on_signal(int signal) {
  const char* name = signal == SIGSEGV  ? "SIGSEGV"
                     : signal == SIGBUS ? "SIGBUS"
                     : signal == SIGILL ? "SIGILL"
                     : signal == SIGFPE ? "SIGFPE"
                                        : "SIGABRT";
  say_what_runs(name);
  raise(
      signal);  // the handler is gone (SA_RESETHAND): the default action follows, with a core file where they are wanted
}

void on_exit() {
  if (!current_site) return;
  say_what_runs("exit()");
  _exit(1);
}

}  // namespace

Running::Running(const Site& site, const char* function) : site_(current_site), function_(current_function) {
  current_function = function;
  current_site = &site;
}

Running::~Running() {
  current_site = site_;
  current_function = function_;
}

void Running::goes_on(const Site& site, const char* function) {
  if (!current_site) return;
  current_function = function;
  current_site = &site;
}

void blame() {
  const Site& site = *current_site;
  const std::string in = site.label + " fails in " + current_function.load() + ": ";
  const std::string report = "report it to the author of " + site.plugin;
  try {
    throw;
  } catch (const Error& e) {
    throw Failure(site.place, in + e.problem(), e.fix());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {  // of a GPU
    throw;
  } catch (const c10::Error& e) {
    const std::string text = e.what_without_backtrace();
    if (text.find("can't allocate memory") != std::string::npos) throw;
    throw Failure(site.place, in + text, report);
  } catch (const std::exception& e) {
    throw Failure(site.place, in + e.what(), report);
  } catch (...) {
    throw Failure(site.place, in + "an exception of unknown type", report);
  }
}

void report_crashes() {
  static char stack[65536];  // of its own: the usual one may be what overflowed
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND | SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigaction(signal, &action, nullptr);
  std::atexit(on_exit);
}

}  // namespace plexiform::plugins

// Whose code is running: what a component throws becomes an Error that names it, and a crash says where it happened.
// Threads  one component at a time, as long as one model at a time is trained; with several, a crash may name another's.
#pragma once

#include <plexiform/error.h>

#include <string>

namespace plexiform::plugins {

// A component in use.
struct Site {
  std::string place;   // in the config: "retina.yaml:12:5: model.core"; "" when there is none
  std::string label;   // "lab.Net (plugin net 1.0.0, /plugins/net.plexiform.so)"
  std::string plugin;  // its id
};

// What a component did wrong.
struct Failure : Error {
  using Error::Error;
};

// While it lives, `function` of `site` runs. Both outlive it.
class Running {
 public:
  Running(const Site& site, const char* function);
  ~Running();
  Running(const Running&) = delete;

  // From now on, to the end of its life, it is another site's: backward() goes from one component to the next. Nothing
  // happens when none lives.
  static void goes_on(const Site& site, const char* function);

 private:
  const Site* site_;
  const char* function_;
};

// Inside a catch block: throws what was caught as the Failure of the component that runs. Lack of memory stays what it is.
[[noreturn]] void blame();

// Calls a component's code.
template <class F>
auto call(const Site& site, const char* function, F&& body) {
  const Running running(site, function);
  try {
    return body();
  } catch (...) {
    blame();
  }
}

// For the command line: when a component's code ends the process, by a signal or by exit(), standard error first gets one
// line that names it; the signal then does what it does, and exit() becomes status 1.
void report_crashes();

}  // namespace plexiform::plugins

// The child process in which new plugins are opened first (plugins/probe.h): called by `plexiform --probe-plugins`.
#include <plexiform/error.h>
#include <plugins/host/plugin.h>
#include <plugins/host/side_effects.h>
#include <plugins/probe.h>

#include <filesystem>

namespace plexiform::plugins {

namespace {

size_t thread_count() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

Json open(const std::string& file) {
  const size_t operators = operator_count(), threads = thread_count();
  const Json components = Plugin::load(file, "").describe();
  if (thread_count() > threads) {
    throw Error(file, "starts a thread when it is opened", "start it in a component, and end it there");
  }
  check_no_operators(file, operators);
  check_no_copies(file);
  return components;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int plexiform_probe_plugins(int count, const char* const* files) {
  return answer_probe({files, files + count}, &open);
}

}  // namespace plexiform::plugins

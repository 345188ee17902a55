// The child process in which new plugins are opened first (plugins/probe.h): called by `plexiform --probe-plugins`.
#include <plugins/host/plugin.h>
#include <plugins/host/side_effects.h>
#include <plugins/probe.h>

namespace plexiform::plugins {

namespace {

Json open(const std::string& file) {
  const size_t operators = operator_count();
  const Json components = Plugin::load(file, "").describe();
  check_no_operators(file, operators);
  check_no_copies(file);
  return components;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int plexiform_probe_plugins(int count, const char* const* files) {
  return answer_probe({files, files + count}, &open);
}

}  // namespace plexiform::plugins

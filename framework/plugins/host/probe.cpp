// The child process in which new plugins are opened first (plugins/probe.h): called by `plexiform
// --probe-plugins`.
#include <plexiform/error.h>
#include <plugins/host/plugin.h>
#include <plugins/probe.h>

namespace plexiform::plugins {

namespace {

Json open(const std::string& file) { return Plugin::load(file, "").describe(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) int plexiform_probe_plugins(
    int count, const char* const* files) {
  return answer_probe({files, files + count}, &open);
}

}  // namespace plexiform::plugins

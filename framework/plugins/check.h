// `plugins check` without LibTorch: what is asked of libplexiform.so, and what comes back.
#pragma once

#include <plexiform/params.h>
#include <plexiform/shape.h>
#include <plugins/note.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace plexiform::plugins {

struct CheckRequest {
  std::string file;                         // absolute
  std::vector<ListedComponent> components;  // of its note: those to check
  Json knobs = Json::object();              // for all of them
  Shape input;                              // core: a stimulus; readout: features; empty: one that fits is looked for
  std::string compat;
  uint64_t seed = 7;
  std::chrono::milliseconds limit{20'000};  // of one check
};

// One line of the report.
struct Checked {
  std::string component;  // "" for the file as a whole
  Json setting;           // of a component's first line, and no check then: {"knobs", "input": [C, T, H, W]}
  std::string check;
  std::string status;  // "passed", "failed", "not run"
  std::string expected, seen, look_at;
  double seconds = 0;
};

// Checks a plugin; results are reported one by one, in order. This process loads LibTorch and runs none of it, and never the
// plugin: each check has a child process of its own, forked from here.
// In libplexiform.so, under the name "plexiform_check_plugin".
using CheckPlugin = void (*)(const CheckRequest& request, const std::function<void(const Checked&)>& report);

}  // namespace plexiform::plugins

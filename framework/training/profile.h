// Where a run's time goes: trainer.profiler.
//
//   simple  a table of the parts of training: gather, core, readout, loss, penalty, backward, clip, optimizer, metrics,
//           observers, validation, checkpoint
//   chrome  every operator of some steps, for chrome://tracing or ui.perfetto.dev
//
// The parts are marked with LibTorch's RECORD_USER_SCOPE where they happen, in the trainer and the model. Without a
// profiler such a mark is a look at whether anybody listens.
// Source  the names are those of lightning.pytorch.profilers.
#pragma once

#include <plexiform/host/observer.h>
#include <plexiform/params.h>

#include <memory>
#include <optional>
#include <string>

namespace plexiform::training {

struct ProfilerParams {
  std::string name = "simple";
  std::optional<std::string> dirpath, filename;
  int64_t wait = 5, active = 10;
  bool record_shapes = false, profile_memory = false;
  Json ignored;
  void describe(auto& knob) {
    knob("name", name, {.doc = "a table of parts, or every operator", .choices = {"simple", "chrome"}});
    knob("dirpath", dirpath, {.doc = "folder; null: the run's"});
    knob("filename", filename, {.doc = "null: profile.txt, or trace.json"});
    knob("wait", wait, {.doc = "batches before those that chrome records", .min = 0});
    knob("active", active, {.doc = "batches that chrome records", .unit = "batches", .min = 1});
    knob("record_shapes", record_shapes, {.doc = "chrome: sizes of the operators' inputs, too"});
    knob("profile_memory", profile_memory, {.doc = "chrome: allocations, too"});
    for (const char* accepted : {"extended", "line_count_restriction", "group_by_input_shapes", "emit_nvtx",
                                 "export_to_chrome", "row_limit", "sort_by_key", "record_module_names", "schedule"}) {
      knob(accepted, ignored, {.doc = "accepted"});
    }
  }
};

// From trainer.profiler: null, false, a name ("simple", "chrome"; Lightning's "advanced" and "pytorch"), or a mapping
// with `name` or `_target_`. Throws Error(knob, ...).
std::optional<ProfilerParams> read_profiler(const Json& knob);

class Profiler : public host::Observer {
 public:
  // When training is over, or suspended: writes the file. Returns what to tell the user.
  virtual std::string finish() = 0;
};

// Listens from now on, on this thread. `folder`: of the run.
std::unique_ptr<Profiler> make_profiler(const ProfilerParams& params, const std::string& folder);

}  // namespace plexiform::training

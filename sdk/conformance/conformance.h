// The conformance kit: what core.h, readout.h, loss.h and component.h promise, as a list of named checks that anybody can run
// on a component. Used by `plexiform plugins check` (each check in a child process) and by a plugin's own test (testing.h).
// Errors   a check never throws: what goes wrong in the component is its result. A crash or a hang ends the process.
// Threads  one check at a time in a process.
#pragma once

#include <plexiform/abi.h>
#include <plexiform/params.h>
#include <plexiform/shape.h>

#include <string>
#include <vector>

namespace plexiform::conformance {

// A component with the setting in which it is checked.
struct Subject {
  const plexiform_component* component = nullptr;
  Json knobs = Json::object();
  Shape input;         // core: a stimulus; readout: features; loss: unused
  std::string compat;  // see CoreContext
  uint64_t seed = 7;   // of all that is drawn
};

enum class Status { passed, failed, not_run };
const char* text(Status status);  // "passed", "failed", "not run"

struct Result {
  std::string check;  // its name
  Status status = Status::passed;
  std::string expected;  // what the contract promises
  std::string seen;      // failed: what was seen instead; not run: why
  std::string look_at;   // "plexiform/core.h, Core::output_shape"
};

struct Check {
  const char* name;
  const char* promise;
  std::string look_at;
  void (*body)(const Subject&);
};

// The checks for a kind (plexiform_kind), in the order in which they make sense.
std::vector<Check> checks(uint32_t kind);

// Runs one. The state of this process, its random numbers apart, is as before when the component keeps the contract.
Result run(const Check& check, const Subject& subject);

// The setting for a component that nobody gave one: `subject` with values for its required knobs, and an input that it can
// take. What the caller gave stays: knobs, and `input` when it is not empty.
// Throws Error when nothing fits, with what the component said of the first try.
Subject fit(Subject subject);

}  // namespace plexiform::conformance

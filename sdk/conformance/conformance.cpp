#include "conformance.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include "specimen.h"
#include "topics.h"

namespace plexiform::conformance {

const char* text(Status status) {
  return status == Status::passed ? "passed" : status == Status::failed ? "failed" : "not run";
}

std::vector<Check> checks(uint32_t kind) {
  std::vector<Check> all;
  const auto add = [&](const Checks& some) { all.insert(all.end(), some.begin(), some.end()); };
  add(knob_checks());
  if (kind == PLEXIFORM_CORE_KIND) add(core_checks());
  if (kind == PLEXIFORM_READOUT_KIND) add(readout_checks());
  if (kind == PLEXIFORM_LOSS_KIND) add(loss_checks());
  add(compute_checks(kind));
  add(gradient_checks());
  add(state_checks());
  add(session_checks(kind));
  add(surroundings_checks());
  add(ability_checks());
  add(learning_checks());
  return all;
}

Result run(const Check& check, const Subject& subject) {
  Result result = {check.name, Status::failed, check.promise, "", check.look_at};
  try {
    at::manual_seed(subject.seed);
    check.body(subject);
    result.status = Status::passed;
  } catch (const Broken& broken) {
    result.seen = broken.seen;
  } catch (const NotRun& nothing) {
    result.status = Status::not_run;
    result.seen = nothing.why;
  } catch (const Error& error) {
    result.seen = std::string("an Error: ") + error.what();
  } catch (const c10::Error& error) {
    result.seen = std::string("an exception of LibTorch: ") + error.what_without_backtrace();
  } catch (const std::exception& error) {
    result.seen = std::string("an exception: ") + error.what();
  } catch (...) {
    result.seen = "an exception of unknown type";
  }
  return result;
}

}  // namespace plexiform::conformance

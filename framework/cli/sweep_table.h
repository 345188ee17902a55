// The result of a sweep: a line per run with the values it was given and its scores.
#pragma once

#include <cli/sweep_folder.h>

#include <deque>
#include <optional>
#include <string>

namespace plexiform::cli {

struct SweepResult {
  const SweepJob* job = nullptr;
  std::string folder;
  std::string status;               // "done", "failed", "stopped", "not begun"
  std::optional<double> objective;  // of a trial of a search
};

// For the console: the keys that differ between runs, the objective of a search ("" when it is none), the medians over
// neurons that scores.json has, the status.
std::string to_table(const std::deque<SweepResult>& results, const std::string& objective = "");

// The same as comma-separated values.
std::string to_csv(const std::deque<SweepResult>& results, const std::string& objective = "");

// "0.936", of a run that is done: its test correlation, median over neurons. "" when there is none.
std::string score(const std::string& run_folder);

}  // namespace plexiform::cli

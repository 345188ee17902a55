// The result of a sweep: a line per run with the values it was given and its scores.
#pragma once

#include <cli/sweep_folder.h>

#include <string>
#include <vector>

namespace plexiform::cli {

struct SweepResult {
  const SweepJob* job = nullptr;
  std::string folder;
  std::string status;  // "done", "failed", "stopped", "not begun"
};

// For the console: the keys that differ between runs, the medians over neurons that scores.json has, the status.
std::string to_table(const std::vector<SweepResult>& results);

// The same as comma-separated values.
std::string to_csv(const std::vector<SweepResult>& results);

// "0.936", of a run that is done: its test correlation, median over neurons. "" when there is none.
std::string score(const std::string& run_folder);

}  // namespace plexiform::cli

// Where a run goes, and the record of the config that it leaves there for people, scripts and --resume.
#pragma once

#include <config/compose.h>
#include <config/run_record.h>

#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::host {

// hydra.run.dir, with a number when a run of the same second has it already. Throws Error when a file is in the way.
std::string new_run_folder(const config::Composition& composition, std::time_t now);

// Makes `folder` with .hydra/{config,overrides,hydra}.yaml as Hydra writes them, and command.yaml when there is a
// `record`; it is removed again when they cannot be written.
void make_run_folder(const std::string& folder, const config::Composition& composition,
                     const std::optional<config::RunRecord>& record);

// Adds overrides that a run is resumed with to what its folder records, so that it can still be made again.
//   composition  with them
void record_overrides(const std::string& folder, const config::Composition& composition,
                      const std::vector<std::string>& overrides);

// Removes what a run that was killed while it wrote left unfinished.
void remove_leftovers_of_run(const std::string& folder);

// The config of a run as it was recorded, Hydra's own overrides among them (the number of a job, ...). Throws Error
// when `folder` is no run.
config::Composition recorded_config(const std::string& folder, const std::vector<std::string>& overrides);

}  // namespace plexiform::host

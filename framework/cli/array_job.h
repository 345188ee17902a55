// `plexiform train -m --launcher slurm`: the runs of a sweep as one array job of Slurm.
//
// The script lies in the sweep folder, sweep.sbatch, and says in plain shell what each task does: a run that was begun is
// resumed, one that is done is left alone, so that a requeued task goes on where it stopped. Partition, time limit, memory
// and the like come from sbatch's own variables (SBATCH_PARTITION, SBATCH_TIMELIMIT, ...) or from editing the script.
// Source  sbatch(1): --array, --signal, SBATCH_* input variables.
#pragma once

#include <cli/sweep_folder.h>

namespace plexiform::cli {

// The script for the runs that are not done yet; at_a_time: tasks that Slurm runs at once, 0: no limit. "" when all are
// done. Throws Error when a job's config does not compose.
//   program  absolute path of plexiform, as the nodes see it
std::string array_script(const Sweep& sweep, const std::string& program, int at_a_time);

// Writes the script and hands it to sbatch of the PATH. Returns the number of Slurm's job, "" when all runs are done.
// Throws Error when sbatch is missing or refuses; its own words are on standard error then.
std::string submit(const Sweep& sweep, const std::string& program, int at_a_time);

}  // namespace plexiform::cli

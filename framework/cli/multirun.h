// `plexiform train -m`: a run for each value of the keys that are given several, as child processes of this command,
// some at a time. A run that fails is reported and the rest go on; a sweep that is interrupted goes on with --resume.
//
// Sweep folder   hydra.sweep.dir   jobs.yaml      what the sweep consists of; written once, before the first run
//                                  multirun.yaml  Hydra's own node of the sweep
//                                  0/ 1/ ...      run folders (hydra.sweep.subdir)
//                                  0.log 1.log    what the runs print
//                                  results.csv    the table
//                                  optimization_results.yaml   the best of a search (search.h), which asks for its
//                                  runs one after the other; jobs.yaml holds those that it has asked for
//                                  sweep.sbatch   with --launcher slurm: the array job
#pragma once

#include <cli/command_line.h>

namespace plexiform::cli {

// Runs what `line` (of `train -m`) asks for, or what is left of the sweep in line.resume. `program` is started for each
// run: plexiform itself. Prints a line as a run starts and ends, and the table. Returns 0, 1 when a run failed, 130 or
// 143 when interrupted: the runs have saved checkpoints then. Throws Usage, and Error when there is nothing to begin
// with.
int multirun(const CommandLine& line, const std::string& program);

}  // namespace plexiform::cli

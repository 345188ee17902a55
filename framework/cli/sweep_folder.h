// The record of a sweep on disk: which runs it consists of, and which of them are done.
#pragma once

#include <cli/command_line.h>
#include <cli/search.h>
#include <config/run_record.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace plexiform::cli {

struct SweepJob {
  int number = 0;
  std::vector<std::string> overrides;
};

struct Sweep {
  std::string folder;         // absolute
  config::RunRecord request;  // what all jobs have in common; its overrides are those of Hydra's own node
  std::deque<SweepJob> jobs;  // of a search those that it has asked for so far
  std::optional<Search> search;

  // One more job; those that are there stay where they are in memory.
  const SweepJob& add(std::vector<std::string> overrides);
  // jobs.yaml, whole or not at all: all that a sweep needs to go on, as the runs have folders of their own.
  void write_jobs() const;

  // What a job is asked for, with what Hydra tells it about itself: its number, its place, that it is one of several.
  config::RunRecord request_of(const SweepJob& job) const;
  // Where a job's run goes: hydra.sweep.subdir below the folder. Throws Error when the job's config does not compose.
  std::string run_folder(const SweepJob& job) const;
  // What is left to do about a job.
  enum class State { fresh, begun, done };
  static State state(const std::string& run_folder);
  // The command line, without the program, that begins a job's run in its folder, or resumes one that was begun.
  std::vector<std::string> words(const SweepJob& job, const std::string& run_folder, State state) const;
};

// The sweep that a command line describes; nothing is written. Throws Error.
Sweep plan_sweep(const CommandLine& line);

// Makes the folder and writes jobs.yaml and multirun.yaml.
void write_sweep(const Sweep& sweep, const CommandLine& line);

// Throws Error when `folder` holds no sweep.
Sweep read_sweep(const std::string& folder);

}  // namespace plexiform::cli

// The arguments of the commands that read a config (train, evaluate): Hydra's flags and overrides, and our own.
#pragma once

#include <config/compose.h>
#include <config/resolve.h>
#include <plugins/sources.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace plexiform::cli {

// A command line that cannot be understood: exit code 2.
struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct CommandLine {
  config::Request request;
  std::string cfg;       // --cfg job|hydra|all, or ""
  std::string info;      // --info defaults|defaults-tree|searchpath|plugins|config|all, or ""
  std::string package;   // --package: print this part only
  bool resolve = false;  // --resolve
  bool dry_run = false;  // --dry-run
  bool help = false;
  bool hydra_help = false;
  bool multirun = false;                                // -m: a run for each value of a key that has several
  int jobs = 0;                                         // --jobs: how many of them at a time; 0: as the config says
  std::string launcher;                                 // --launcher: local or slurm; "": local
  std::string resume;                                   // --resume RUN
  bool accept_plugin_change = false;                    // --accept-plugin-change, with --resume
  std::string locked;                                   // --locked FILE
  std::string target;                                   // evaluate: the run folder or bundle
  std::string split = "test";                           // evaluate: test or validation
  std::vector<std::string> plugin_files, plugin_paths;  // --plugin, --plugin-path
};

// command: "train" or "evaluate". Throws Usage.
CommandLine parse_command_line(const std::string& command, const std::vector<std::string>& arguments);

// The help text of the command: flags, then the configs and groups on the search path of `line`.
std::string help(const std::string& command, const CommandLine& line);

// Hydra's own groups, which help() leaves out.
std::string hydra_help();

// The flags of the command, "--cfg", "-c", ...: for completion.
std::vector<std::string> flags(const std::string& command);

// Where plugins are looked for: --plugin, the config's `plugins:` list, --plugin-path, then the usual folders.
plugins::Sources search_order(const CommandLine& line, const config::Composition& composition);

// Runs `body` and turns exceptions into a sentence on standard error and an exit code: Usage 2, everything else 1.
int report_errors(const char* command, const std::function<int()>& body);

}  // namespace plexiform::cli

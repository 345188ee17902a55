// Commands about a run that is there already.
#pragma once

#include <cli/command_line.h>
#include <plexiform/host/experiment.h>

#include <CLI/CLI.hpp>
#include <string>

namespace plexiform::cli {

// Goes to the folder that the run was started in, where relative paths of its config begin, and gives `line` the plugins that
// the run was given, unless it names others. What was typed now keeps its meaning: `run`, plugins, and overrides of `paths` and
// `data_io` that name something here become absolute. Does nothing for a folder without a record (made by a program).
void go_where_it_ran(std::string& run, CommandLine& line);

// --plugin and --plugin-path of a command that reads a trained model; help says what `otherwise` is looked into first.
void add_plugin_options(CLI::App& app, host::Plugins& plugins,
                        const std::string& otherwise = " (default: those of the run)");

// Where they name none, gives it those of the run, whose folder or model/ is named, that are still there.
void add_plugins_of_run(const std::string& run_or_model, host::Plugins& plugins);

}  // namespace plexiform::cli

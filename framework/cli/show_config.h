// What `train --cfg` and `train --info` print: a config and how it came about. LibTorch is not needed for either.
#pragma once

#include <cli/command_line.h>

namespace plexiform::cli {

// --cfg job|hydra|all, with --resolve and --package. Throws Error.
void print_config(const CommandLine& line);

// --info defaults|defaults-tree|searchpath|plugins|config|all, laid out as Hydra does.
void print_info(const CommandLine& line);

}  // namespace plexiform::cli

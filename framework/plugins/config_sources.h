// The search order of a command or program that has a config.
#pragma once

#include <config/compose.h>
#include <plugins/sources.h>

namespace plexiform::plugins {

// As search_order(files, folders), with the files of the config's `plugins:` after `files`.
// A relative path is taken from the working directory, as --plugin's is. Throws Error when `plugins:` is no list of texts.
Sources search_order(const config::Composition& composition, std::vector<std::string> files,
                     std::vector<std::string> folders);

}  // namespace plexiform::plugins

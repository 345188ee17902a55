// openretina's models before its present ones, as the published ensembles of 2024 name them: openretina.legacy,
// openretina.hoefling_2024 before that, nnfabrik_euler before both. Their names and arguments in today's words.
// Source  the arguments: openretina 1.1.1, openretina/legacy/models.py.
#pragma once

#include <config/node.h>

#include <string>

namespace plexiform::openretina {

// "openretina.legacy.models.X" of the same class or function under any of the three names; another name as it is.
std::string today(const std::string& target);

// A core or readout of those classes with the knobs that it has here; one of another class stays as it is. Done twice
// it is as done once.
// Throws Error with a place in the config for what openretina itself fails to run, or what has no counterpart here: maps of
// several layers at once, gains of hidden layers without an offset, masks that are not Gaussian.
void modernise_core(config::Node& core);
void modernise_readout(config::Node& readout);

}  // namespace plexiform::openretina

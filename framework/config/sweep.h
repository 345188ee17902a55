// A multirun: the product of all keys that have several values.
#pragma once

#include <config/compose.h>

namespace plexiform::config {

// What all jobs have in common: the config without the keys that have several values; hydra.sweep and hydra.sweeper are
// read from it. Throws Error as compose() does, and for several values of a key of Hydra's own node.
Composition compose_sweep(const Request& request);

// The arguments of each job, in order: the rightmost key varies fastest. Keys of hydra.sweeper.params come first, the
// command line replaces them. Overrides of Hydra's own node are left out, they are the same for all jobs. Throws Error
// for an interval, which only a search can draw from.
std::vector<std::vector<std::string>> sweep_jobs(const Request& request);

// The same arguments as the space of a search (search_space.h), before values are drawn: "a=interval(0,1)". A glob is
// written out. Throws Error for what is no space.
std::vector<std::string> search_arguments(const Request& request);

}  // namespace plexiform::config

// A multirun: the product of all keys that have several values.
#pragma once

#include <config/compose.h>

namespace plexiform::config {

// The arguments of each job, in order: the rightmost key varies fastest. Overrides of Hydra's own
// node are left out, they are the same for all jobs. Throws Error for an interval, which only a
// search can draw from.
std::vector<std::vector<std::string>> sweep_jobs(const Request& request);

}  // namespace plexiform::config

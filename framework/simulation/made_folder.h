// A folder of simulated recordings. It appears when it is complete; simulation.json marks it and says how it was made.
#pragma once

#include <plexiform/params.h>

#include <functional>
#include <string>

namespace plexiform::simulation {

// write: into the existing, empty folder that it is given. With `replace`, an older folder of this function is removed
// then. Throws Error when `folder` is there and is not empty (with `replace`: and is not such a folder), or cannot be
// written.
void make_folder(const std::string& folder, bool replace, const Json& parameters,
                 const std::function<void(const std::string& folder)>& write);

}  // namespace plexiform::simulation

// Where the running host lies: everything that comes with it is found from there, so that it can be moved.
#pragma once

#include <filesystem>

namespace plexiform::files {

// The folder with bin/, lib/ and share/: an installed prefix, or a build folder. Absolute, links followed. It is the one above
// the running program's, or above libplexiform.so's in a program that embeds the host.
std::filesystem::path prefix();

}  // namespace plexiform::files

// A name for something new.
#pragma once

#include <string>

namespace plexiform::files {

// `first`, or the first of first-2, first-3, ... that does not exist.
std::string unused_name(const std::string& first);

}  // namespace plexiform::files

// A look at a file before it is read.
#pragma once

#include <plexiform/error.h>

#include <string>

namespace plexiform::data {

// Throws Error(file, what, fix) unless `file` is an existing, readable, regular file that is not
// empty. A missing file is answered with the nearest name in its folder.
void check_input_file(const std::string& file);

}  // namespace plexiform::data

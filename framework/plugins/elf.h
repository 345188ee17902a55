// What the host must know of a shared library before any of its code can run is read from the file itself.
#pragma once

#include <plugins/file.h>

#include <vector>

namespace plexiform::plugins {

// The bytes of one section of a shared library.
// Throws Error when it is not a 64-bit ELF shared library for this machine, when it is cut short or damaged, or has no
// such section. Why: the dynamic loader maps a truncated file without complaint and dies by SIGBUS at the first touch.
std::string read_section(const File& file, const std::string& section);

// What other libraries can see of it, by name, as `nm -D --defined-only` lists it. Throws Error as above.
std::vector<std::string> exported_symbols(const File& file);

}  // namespace plexiform::plugins

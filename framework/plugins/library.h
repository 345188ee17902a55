// Opens shared libraries, the one way that is safe for plugins and for libplexiform.so itself.
#pragma once

#include <string>

namespace plexiform::plugins {

// The address of a function of a shared library, which is opened if it is not yet and stays open for the life of the
// process: an autograd graph outlives the module that made it, and its backward() would jump into unmapped code.
//   file  an absolute path
// Throws Error when a symbol it needs is missing (all are bound at once), when it cannot be loaded, or has no such
// function. May be called from several threads.
void* open_function(const std::string& file, const std::string& name);

}  // namespace plexiform::plugins

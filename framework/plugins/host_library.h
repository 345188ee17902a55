// Opens libplexiform.so for the command line, which links no LibTorch, with the LibTorch that it was built with.
#pragma once

#include <string>

namespace plexiform::plugins {

// The address of a function of libplexiform.so (sources.h, host_library()). LibTorch is opened first, from where it was when
// Plexiform was built, or from PLEXIFORM_TORCH_ROOT: the dynamic loader would find neither a moved nor a wrong one worth a
// sentence.
// Throws Error when LibTorch is not there, is of another major.minor, or something cannot be loaded.
void* open_host_function(const std::string& name);

}  // namespace plexiform::plugins

// What opening a plugin must not do to the process.
#pragma once

#include <string>

namespace plexiform::plugins {

// How many operators LibTorch's dispatcher knows.
size_t operator_count();

// Throws Error when there are more than `before`: two plugins that register the same operator or namespace abort the process
// when the second one is loaded.
void check_no_operators(const std::string& file, size_t before);

// Throws Error when the process holds two copies of LibTorch, libstdc++ or libgomp: tensors, exceptions and threads are
// shared with the host.
void check_no_copies(const std::string& file);

}  // namespace plexiform::plugins

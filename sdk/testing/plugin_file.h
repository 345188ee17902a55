// A plugin's file, opened for tests: its components are built through its own entry, as a host
// builds them.
#pragma once

#include <plexiform/abi.h>
#include <plexiform/params.h>

namespace plexiform::testing {

// The component of that name. Throws Error when the file cannot be opened or has none.
const plexiform_component& find_component(const std::string& plugin, const std::string& name);

// A YAML mapping as JSON, with numbers, true, false and null as such.
Json knobs_from_yaml(const std::string& yaml);

}  // namespace plexiform::testing

// Reads what Python's repr() writes, so that golden files can hold values as Hydra and OmegaConf
// showed them.
#pragma once

#include <config/node.h>

// {'a': [1, 2.5, None, True, 'x']} as a node; '???' is a missing value. Throws std::runtime_error.
plexiform::config::Node python_literal(std::string_view text);

// Kinds, values, keys with their kinds, and the order of keys are the same.
bool same(const plexiform::config::Node& a, const plexiform::config::Node& b);

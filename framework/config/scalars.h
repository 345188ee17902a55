// How text becomes a typed value. A file and the command line have different rules, as in
// OmegaConf and Hydra: `yes`, `0x10` and `010` are typed in a file only, `-.5` on the command line
// only.
#pragma once

#include <config/node.h>

#include <optional>

namespace plexiform::config {

// The value of an unquoted scalar in a YAML file: YAML 1.1, but `y` and `n` are text, dates stay
// text, floats need no dot. Throws Error (without a place) for an integer beyond 64 bits.
Node read_plain(const std::string& text);

// The value of unquoted text on the command line or in the arguments of a resolver.
Node read_unquoted(const std::string& text);

// A string, which is "missing" if it is ??? and an interpolation if it holds ${.
Node read_string(std::string text);

// What `bool` is in YAML 1.1: yes, No, ON, true ... (not y and n).
std::optional<bool> yaml_truth(std::string_view text);

// Whether a standard YAML 1.1 reader takes the unquoted text for something else than a string (a
// date, `=`, `<<` too).
bool yaml_types(std::string_view text);

}  // namespace plexiform::config

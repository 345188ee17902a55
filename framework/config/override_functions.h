// The functions of the command line: choice, range, interval, glob, tag, sort, shuffle, and the
// casts int, float, bool, str.
#pragma once

#include <config/grammar.h>
#include <config/override.h>

#include <variant>

namespace plexiform::config {

// What an element stands for: one value, or several to sweep over. Interpolations stay text.
// Throws Error without a place.
std::variant<Node, Sweep> evaluate(const Element& element);

// One of several values.
Sweep::Choice choice(const Element& element);

}  // namespace plexiform::config

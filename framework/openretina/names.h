// How the state of a component is called here and in openretina. Names are mostly the same; what differs is a table per
// class (names.cpp), of three kinds of rows: other names, constants that openretina stores and we do not, and tensors that it
// stores several times.
#pragma once

#include <ATen/core/Tensor.h>
#include <config/node.h>
#include <plexiform/given.h>
#include <plexiform/shape.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::openretina {

// What decides which constants there are and which values they have.
struct Facts {
  config::Json knobs;  // of the component, all of them
  Shape features;      // (C, T, H, W) of a readout's input
  int64_t neurons = 0;
};

// '*' in a name stands for any ending of that piece of the dotted name.
struct Renamed {
  const char* theirs;
  const char* ours;
  bool scalar = false;  // () there, (1) here; (H, W) there, (1, H, W) here
};
struct Constant {
  const char* theirs;
  at::Tensor (*value)(const Facts&);
  bool (*exists)(const Facts&) = nullptr;  // null: always
  bool unused = false;                     // its model does not read it, so that any value will do
};
struct Copied {
  const char* theirs;  // ends in '*', which is the name of the original
};

struct Names {
  const char* target;  // openretina's class
  std::vector<Renamed> renamed = {};
  std::vector<Constant> constants = {};
  std::vector<Copied> copied = {};
  std::vector<const char*> swallowed = {};  // arguments that it takes and that change nothing; "*": any
  bool whole = false;                       // its tensors have no session before them: a model of one session
  bool population = false;                  // of all of that session's neurons, not of one
};

// The table of a class, or null: openretina's names and its aliases.
const Names* names_of(const std::string& target);

// Whether a name of openretina's is that of a constant, by any class's table or by older versions of the package.
bool is_constant(const Names& names, const std::string& theirs);
// Whether its value does not matter.
bool is_unused(const Names& names, const std::string& theirs);

// Ours for theirs (relative to the component), and theirs for ours.
struct Name {
  std::string name;
  bool renamed = false, scalar = false;
};
Name to_ours(const Names& names, const std::string& theirs);
Name to_theirs(const Names& names, const std::string& ours);

// The constants that openretina's class has beside `ours` (relative names), and the copies.
std::vector<Named> constants(const Names& names, const Facts& facts, const std::vector<Named>& ours);
// The original of a copy, "" for others.
std::string original(const Names& names, const std::string& theirs);
std::vector<Named> copies(const Names& names, const std::vector<Named>& ours);

}  // namespace plexiform::openretina

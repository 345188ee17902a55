// One argument of the command line: "key=value", "+key=value", "++key=value", "~key",
// "group@package=option".
#pragma once

#include <config/node.h>

#include <optional>

namespace plexiform::config {

// Several values for one key: a,b  choice(a,b)  range(1,9,2)  interval(0,1)  glob(*).
struct Sweep {
  enum class Kind { choice, range, interval, glob };
  struct Choice {
    Node value;
    std::string text;  // as an argument would say it
  };
  Kind kind = Kind::choice;
  bool simple = false;                        // written a,b
  std::vector<Choice> choices;                // of a choice; the values of a range
  Node start, stop;                           // of an interval
  std::vector<std::string> include, exclude;  // of a glob: patterns of option names
  std::vector<std::string> tags;
  bool shuffle = false;
};

struct Override {
  enum class Action { change, add, force, remove };
  Action action = Action::change;
  std::string key;                     // "a.b.c", or a group "a/b"
  std::optional<std::string> package;  // after the @
  std::optional<Node> value;           // none: `~key`, or a sweep
  std::optional<Sweep> sweep;
  std::string text;  // as given
  Location location;

  std::string address() const { return package ? key + "@" + *package : key; }
};

// The text as the quoted value of an argument, whatever characters it has.
std::string quoted_value(const std::string& text);

// Adds `override` ("key=value") at the end, unless there is one of its key.
void add_unless_given(std::vector<std::string>& overrides, const std::string& override);

// `number`: of the argument, from 1, for messages. Throws Error.
Override parse_override(const std::string& argument, int number);

}  // namespace plexiform::config

// A config is a tree of nodes, each of which knows the file, line and column that it came from.
// Composition (compose.h) makes the tree, resolution (resolve.h) replaces its interpolations; both
// leave locations intact.
#pragma once

#include <plexiform/error.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plexiform::config {

using Json = nlohmann::ordered_json;

struct Location {
  std::shared_ptr<const std::string> file;  // a path, or "command line"; null: made by the program
  int line = 0, column = 0;                 // from 1; on the command line 0 and the argument's number

  // "retina.yaml:12:5", "command line, argument 2", or "".
  std::string text() const;
};

enum class Kind {
  null,
  boolean,
  integer,
  real,
  string,
  missing,        // ???
  interpolation,  // a string with ${...}, not yet resolved; its text is in `string`
  list,
  map
};

struct Node {
  Kind kind = Kind::null;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string string;                                 // of string and interpolation
  std::vector<Node> items;                            // of a list
  std::vector<std::pair<std::string, Node>> entries;  // of a map, in order
  Location location;                                  // of the value
  Location key_location;                              // of the key, for an entry of a map
  Kind key_kind = Kind::string;                       // of the key: YAML tells 1, 1.0, true and '1' apart

  static Node map();
  static Node list();
  static Node text(std::string value);
  static Node number(int64_t value);
  static Node number(double value);
  static Node truth(bool value);

  // The entry of a map, or null.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  // The item of a list by its number written out ("0"), or null.
  const Node* item(std::string_view index) const;
  // The entry of a map or the item of a list, or null.
  const Node* child(std::string_view key) const;
  Node* child(std::string_view key);
  // The node at a dotted path ("model.core.kernel", "list.0"), or null when a step is not there.
  const Node* at_path(std::string_view path) const;
  Node* at_path(std::string_view path);
  // The entry of a map, appended (null) when it is not there.
  Node& operator[](std::string_view key);
  std::vector<std::string> keys() const;  // of a map
  // The key of an entry as a value of its kind: 1 and true are no texts. `value`: what the key belongs to.
  static Node key(const std::string& text, const Node& value);
  bool is_null() const { return kind == Kind::null; }
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
};

// Plain JSON of a resolved node. A missing value becomes the text "???"; interpolations stay text.
Json to_json(const Node& node);
// The other way, without locations.
Node from_json(const Json& json);

// "retina.yaml:12:5: model.core.kernel" for an error about the value at `path`, or about its key.
std::string where(const Node& node, std::string_view path);
std::string where_key(const Node& node, std::string_view path);

// The place of the knob `knob` ("kernel", "kernels.1", an unknown key, or "") of the mapping `node`
// at `path`: turns the `where` of an Error thrown by params.h into file:line:column and full path.
std::string where_knob(const Node& node, std::string_view path, const std::string& knob, bool key);

}  // namespace plexiform::config

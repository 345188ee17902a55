// The grammar of values on the command line and of ${...}: one grammar, as Hydra and OmegaConf
// share it.
//   element   text | "quoted" | 'quoted' | [element, ...] | {key: element, ...} | function(element,
//   name=element) text      letters, digits, inner blanks, / - \ + . $ % * @ ? | : _, escapes \, \=
//   \( ..., and ${...}
//   ${...}    ${a.b} ${a[b]} ${.sibling} ${..uncle} ${resolver:element, element}, nested at will
#pragma once

#include <config/node.h>

namespace plexiform::config {

struct Interpolation;

// Part of a text: literal, or the value of an interpolation.
struct Piece {
  std::string literal;
  std::shared_ptr<const Interpolation> interpolation;  // null: literal
};

struct Element {
  enum class Kind { text, quoted, list, map, call };
  Kind kind = Kind::text;
  std::vector<Piece> pieces;       // of text and quoted
  bool bare = true;                // text without escapes, so it may be a number, a truth or null
  std::vector<Element> items;      // of a list; values of a map; arguments of a call
  std::vector<Element> keys;       // of a map
  std::vector<std::string> names;  // of arguments given by name, "" for the others
  std::string function;            // of a call
  std::string source;              // as it was written, without blanks around it
};

struct Interpolation {
  std::string source;  // with ${ and }
  bool resolver = false;
  size_t dots = 0;                       // of a relative path: 1 is the parent
  std::vector<std::vector<Piece>> keys;  // steps of the path, or the parts of the resolver's name
  std::vector<Element> arguments;        // of a resolver
};

// All throw Error without a place.

// What follows `key=` on the command line: elements separated by commas. Empty for an empty text.
std::vector<Element> parse_values(std::string_view text);

// One element in OmegaConf's sense, where quoted text may hold ${...} (for oc.decode).
Element parse_element(std::string_view text);

// The text of a node: literals and interpolations in turn.
std::vector<Piece> parse_text(std::string_view text);

// Text of any length as a message shows it.
std::string shortened(std::string_view text);

}  // namespace plexiform::config

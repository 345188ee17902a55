// How text becomes a typed value and back. A file and the command line have different rules, as in
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

// The shortest decimal that reads back as `value`, laid out as Python does: 0.1, 1e-08, 100000.0,
// inf, nan.
std::string real_text(double value);

// A value as it appears inside text, as Python prints it: True, None, 1.5, [1, 'a'], {'a': 1}.
std::string python_text(const Node& node);

// Whether Python's int() and float() accept the text.
bool python_reads_integer(std::string_view text);
bool python_reads_real(std::string_view text);

// What `bool` is in YAML 1.1: yes, No, ON, true ... (not y and n).
std::optional<bool> yaml_truth(std::string_view text);

// Whether a standard YAML 1.1 reader takes the unquoted text for something else than a string (a
// date, `=`, `<<` too).
bool yaml_types(std::string_view text);

// Sets an entry as a Python dict does: a later value replaces an earlier one in its place, and
// 1, 1.0 and true are one key. Throws Error (without a place) for a key that is null, a list or a
// mapping.
void set_entry(Node& map, const Node& key, Node value);

// Text of any length as a message shows it.
std::string shortened(std::string_view text);

// Equal as Python's == sees it: 1 is 1.0, and the order of keys does not matter.
bool equal(const Node& a, const Node& b);

}  // namespace plexiform::config

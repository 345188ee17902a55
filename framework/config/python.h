// Values as Python shows, reads and compares them, which OmegaConf builds on.
#pragma once

#include <config/node.h>

namespace plexiform::config {

// The shortest decimal that reads back as `value`, laid out as Python does: 0.1, 1e-08, 100000.0,
// inf, nan.
std::string real_text(double value);

// A value as it appears inside text, as Python prints it: True, None, 1.5, [1, 'a'], {'a': 1}.
std::string python_text(const Node& node);

// Whether Python's int() and float() accept the text.
bool python_reads_integer(std::string_view text);
bool python_reads_real(std::string_view text);

// Sets an entry as a Python dict does: a later value replaces an earlier one in its place, and
// 1, 1.0 and true are one key. Throws Error (without a place) for a key that is null, a list or a
// mapping.
void set_entry(Node& map, const Node& key, Node value);

// Equal as Python's == sees it: 1 is 1.0, and the order of keys does not matter.
bool equal(const Node& a, const Node& b);

}  // namespace plexiform::config

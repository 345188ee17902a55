// The resolvers of ${name:arguments} that need nothing but their arguments. `written` is the whole
// ${...}, for messages. All throw Error without a place.
#pragma once

#include <config/node.h>

#include <ctime>

namespace plexiform::config {

// oc.env: the variable, always text; else the second argument as text, or null.
Node environment_value(const std::string& variable, const std::vector<Node>& arguments);

// oc.create: a list or mapping as it is; a text is read as YAML.
Node created_node(const Node& node);

// oc.dict.keys, oc.dict.values
Node keys_of(const Node& node, const std::string& written);
Node values_of(const Node& node, const std::string& written);

// len: of a list, a mapping, or the characters of a text.
Node length_of(const Node& node, const std::string& written);

// now: local time as strftime(3) formats it.
Node time_text(const std::string& format, std::time_t now);

}  // namespace plexiform::config

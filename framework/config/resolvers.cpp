#include <config/compose.h>
#include <config/python.h>
#include <config/resolvers.h>

#include <algorithm>
#include <cstdlib>

namespace plexiform::config {
namespace {

const Node& mapping(const Node& node, const std::string& written) {
  if (node.is_map()) return node;
  throw Error("", "'" + written + "' needs a mapping", "name a section of the config");
}

}  // namespace

Node environment_value(const std::string& variable, const std::vector<Node>& arguments) {
  if (const char* value = std::getenv(variable.c_str())) return Node::text(value);
  if (arguments.size() < 2) {
    throw Error("", "the environment variable '" + variable + "' is not set",
                "set it, or give a default: ${oc.env:" + variable + ",default}");
  }
  return arguments[1].is_null() ? Node() : Node::text(python_text(arguments[1]));
}

Node created_node(const Node& node) {
  if (node.kind == Kind::string) return parse_yaml(node.string, "oc.create");
  return node;
}

Node keys_of(const Node& node, const std::string& written) {
  Node list = Node::list();
  for (const auto& [key, value] : mapping(node, written).entries) list.items.push_back(Node::key(key, value));
  return list;
}

Node values_of(const Node& node, const std::string& written) {
  Node list = Node::list();
  for (const auto& entry : mapping(node, written).entries) list.items.push_back(entry.second);
  return list;
}

Node length_of(const Node& node, const std::string& written) {
  const auto number = [](size_t n) { return Node::number(static_cast<int64_t>(n)); };
  if (node.is_list()) return number(node.items.size());
  if (node.is_map()) return number(node.entries.size());
  if (node.kind == Kind::string) {
    const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    return number(static_cast<size_t>(std::count_if(node.string.begin(), node.string.end(), starts)));
  }
  throw Error("", "'" + written + "' is given a single value", "give it a list, a mapping or a text");
}

Node time_text(const std::string& format, std::time_t now) {
  std::tm local{};
  localtime_r(&now, &local);
  std::string text(256, '\0');
  size_t length = 0;
  while (!format.empty() && (length = std::strftime(text.data(), text.size(), format.c_str(), &local)) == 0) {
    if (text.size() > 16 * format.size() + 4096) {
      break;  // the format means nothing at all, as %p in some languages
    }
    text.resize(2 * text.size());
  }
  text.resize(length);
  return Node::text(text);
}

}  // namespace plexiform::config

#include <config/node.h>

#include <charconv>
#include <cstdlib>

namespace plexiform::config {
namespace {

// Calls `step(key)` for each key of a dotted path until one returns false.
template <class Step>
bool walk(std::string_view path, Step step) {
  while (!path.empty()) {
    const auto dot = path.find('.');
    if (!step(path.substr(0, dot))) return false;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return true;
}

std::string joined(const std::string& place, std::string_view path) {
  if (place.empty() || path.empty()) return place + std::string(path);
  return place + ": " + std::string(path);
}

}  // namespace

std::string Location::text() const {
  if (!file) return "";
  if (line > 0) return *file + ":" + std::to_string(line) + ":" + std::to_string(column);
  return column > 0 ? *file + ", argument " + std::to_string(column) : *file;
}

Node Node::map() {
  Node node;
  node.kind = Kind::map;
  return node;
}

Node Node::list() {
  Node node;
  node.kind = Kind::list;
  return node;
}

Node Node::text(std::string value) {
  Node node;
  node.kind = Kind::string;
  node.string = std::move(value);
  return node;
}

Node Node::number(int64_t value) {
  Node node;
  node.kind = Kind::integer;
  node.integer = value;
  return node;
}

Node Node::number(double value) {
  Node node;
  node.kind = Kind::real;
  node.real = value;
  return node;
}

Node Node::truth(bool value) {
  Node node;
  node.kind = Kind::boolean;
  node.boolean = value;
  return node;
}

const Node* Node::find(std::string_view key) const {
  if (kind != Kind::map) return nullptr;
  for (const auto& [name, node] : entries) {
    if (name == key) return &node;
  }
  return nullptr;
}

Node* Node::find(std::string_view key) { return const_cast<Node*>(std::as_const(*this).find(key)); }

const Node* Node::item(std::string_view index) const {
  size_t i = 0;
  const auto end = index.data() + index.size();
  const auto read = std::from_chars(index.data(), end, i);
  if (kind != Kind::list || read.ec != std::errc() || read.ptr != end) return nullptr;
  return i < items.size() ? &items[i] : nullptr;
}

const Node* Node::child(std::string_view key) const { return kind == Kind::list ? item(key) : find(key); }

Node* Node::child(std::string_view key) { return const_cast<Node*>(std::as_const(*this).child(key)); }

const Node* Node::at_path(std::string_view path) const {
  const Node* node = this;
  walk(path, [&](std::string_view key) { return (node = node->child(key)) != nullptr; });
  return node;
}

Node* Node::at_path(std::string_view path) { return const_cast<Node*>(std::as_const(*this).at_path(path)); }

Node& Node::operator[](std::string_view key) {
  if (Node* found = find(key)) return *found;
  kind = Kind::map;
  return entries.emplace_back(key, Node()).second;
}

Node Node::key(const std::string& text, const Node& value) {
  if (value.key_kind == Kind::boolean) return truth(text == "true");
  if (value.key_kind == Kind::integer) return number(static_cast<int64_t>(std::stoll(text)));
  if (value.key_kind == Kind::real) return number(std::strtod(text.c_str(), nullptr));
  return Node::text(text);
}

std::vector<std::string> Node::keys() const {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.first);
  return names;
}

Json to_json(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return node.boolean;
    case Kind::integer:
      return node.integer;
    case Kind::real:
      return node.real;
    case Kind::missing:
      return "???";
    case Kind::string:
    case Kind::interpolation:
      return node.string;
    case Kind::list: {
      Json json = Json::array();
      for (const auto& item : node.items) json.push_back(to_json(item));
      return json;
    }
    case Kind::map: {
      Json json = Json::object();
      for (const auto& [key, value] : node.entries) json[key] = to_json(value);
      return json;
    }
  }
  return nullptr;
}

Node from_json(const Json& json) {
  if (json.is_boolean()) return Node::truth(json.get<bool>());
  if (json.is_number_integer()) return Node::number(json.get<int64_t>());
  if (json.is_number_float()) return Node::number(json.get<double>());
  if (json.is_string()) {
    Node node = Node::text(json.get<std::string>());
    if (node.string == "???") node.kind = Kind::missing;
    return node;
  }
  if (json.is_array()) {
    Node node = Node::list();
    for (const auto& item : json) node.items.push_back(from_json(item));
    return node;
  }
  if (json.is_object()) {
    Node node = Node::map();
    for (const auto& [key, value] : json.items()) node.entries.emplace_back(key, from_json(value));
    return node;
  }
  return Node();
}

std::string where(const Node& node, std::string_view path) { return joined(node.location.text(), path); }

std::string where_key(const Node& node, std::string_view path) {
  return joined((node.key_location.file ? node.key_location : node.location).text(), path);
}

std::string where_knob(const Node& node, std::string_view path, const std::string& knob, bool key) {
  std::string full(path);
  if (!full.empty() && !knob.empty()) full += '.';
  full += knob;
  const Node* found = node.find(knob);  // a key may hold a dot
  if (!found) found = node.at_path(knob);
  if (!found) return where(node, full);
  return key ? where_key(*found, full) : where(*found, full);
}

}  // namespace plexiform::config

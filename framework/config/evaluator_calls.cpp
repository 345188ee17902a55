#include <config/evaluator.h>
#include <config/python.h>
#include <config/resolvers.h>
#include <config/scalars.h>

#include <utility>

namespace plexiform::config {
namespace {

struct Known {
  const char* name;
  size_t least, most;  // arguments
  const char* usage;
};

constexpr Known kResolvers[] = {
    {"oc.env", 1, 2, "${oc.env:VARIABLE,default}"},
    {"oc.select", 1, 2, "${oc.select:key,default}"},
    {"oc.decode", 1, 1, "${oc.decode:text}"},
    {"oc.create", 1, 1, "${oc.create:{key: value}}"},
    {"oc.deprecated", 1, 2, "${oc.deprecated:key}"},
    {"oc.dict.keys", 1, 1, "${oc.dict.keys:section}"},
    {"oc.dict.values", 1, 1, "${oc.dict.values:section}"},
    {"len", 1, 1, "${len:${list}}"},
    {"now", 1, 1, "${now:%Y-%m-%d}"},
    {"hydra", 1, 1, "${hydra:runtime.output_dir}"},
};

const Known& known_resolver(const std::string& name, const std::string& written) {
  std::vector<std::string> names;
  for (const auto& resolver : kResolvers) {
    if (name == resolver.name) return resolver;
    names.push_back(resolver.name);
  }
  throw Error("", "'" + written + "' uses '" + name + "', which is no resolver",
              did_you_mean(name, names) + " (a node is pointed at with dots: ${section.key})");
}

std::string text_argument(const Node& node, const std::string& written) {
  if (node.is_map() || node.is_list()) {
    throw Error("", "'" + written + "' is given a " + (node.is_map() ? "mapping" : "list"),
                "give it a text: the name of a node or variable, or a format");
  }
  return python_text(node);
}

}  // namespace

Node Evaluator::argument(const Element& element, const At& at) {
  Node node;
  switch (element.kind) {
    case Element::Kind::list:
      node = Node::list();
      for (const auto& item : element.items) node.items.push_back(argument(item, at));
      return node;
    case Element::Kind::map:
      node = Node::map();
      for (size_t i = 0; i < element.keys.size(); ++i) {
        set_entry(node, argument(element.keys[i], at), argument(element.items[i], at));
      }
      return node;
    case Element::Kind::quoted:
      if (element.pieces.size() == 1 && element.pieces[0].interpolation) {
        return Node::text(joined(element.pieces, at));
      }
      return text_value(element.pieces, at);
    default:
      break;
  }
  const bool literal = element.pieces.size() == 1 && !element.pieces[0].interpolation;
  if (literal && element.bare) return read_unquoted(element.pieces[0].literal);
  return text_value(element.pieces, at);
}

Node Evaluator::called(const Interpolation& call, const At& at) {
  std::string name;
  for (const auto& key : call.keys) {
    if (!name.empty()) name += '.';
    name += joined(key, at);
  }
  const Known& resolver = known_resolver(name, call.source);
  std::vector<Node> arguments;
  for (const auto& element : call.arguments) arguments.push_back(argument(element, at));
  if (arguments.size() < resolver.least || arguments.size() > resolver.most) {
    throw Error("", "'" + call.source + "' has " + std::to_string(arguments.size()) + " arguments",
                std::string("write ") + resolver.usage);
  }
  Node result = run(name, arguments, at, call.source);
  if (!result.location.file) result.location = at->node->location;
  return result;
}

Node Evaluator::run(const std::string& name, const std::vector<Node>& arguments, const At& at,
                    const std::string& written) {
  if (name == "len") return length_of(arguments[0], written);
  if (name == "oc.create") return created_node(arguments[0]);
  if (name == "oc.decode") return decoded(arguments[0], at, written);
  const std::string text = text_argument(arguments[0], written);
  if (name == "now") return time_text(text, resolvers_.now);
  if (name == "oc.env") return environment_value(text, arguments);
  if (name == "hydra") return at_key("hydra." + text, hydra_root_, written);
  if (name == "oc.select") {
    return selected(text, arguments.size() > 1 ? arguments[1] : Node(), at, written);
  }
  if (name == "oc.dict.keys") {
    const At found = by_text(text, at, written);  // values are not asked for: one of them may be this very list
    if (found->node->is_map()) return keys_of(*found->node, written);
  }
  const Node node = at_key(text, at, written);
  if (name == "oc.dict.keys") return keys_of(node, written);
  if (name == "oc.dict.values") return values_of(node, written);
  return node;  // oc.deprecated
}

// The keys of "a.b[0]" or ".a.b", and where they start.
At Evaluator::by_text(const std::string& text, const At& at, const std::string& shown) {
  size_t dots = 0;
  while (dots < text.size() && text[dots] == '.') ++dots;
  std::vector<std::string> keys;
  std::string key;
  for (const char c : text.substr(dots) + ".") {
    if (c != '.' && c != '[' && c != ']') {
      key += c;
    } else if (!key.empty()) {
      keys.push_back(std::exchange(key, ""));
    }
  }
  return select(keys, start_of(dots, at, shown), shown);
}

Node Evaluator::at_key(const std::string& key, const At& at, const std::string& shown) {
  const At found = by_text(key, at, shown);
  if (found->node->kind == Kind::missing) throw PointsAtMissing{path_of(found)};
  return found->node->kind == Kind::interpolation ? value(found) : resolved(found);
}

Node Evaluator::selected(const std::string& key, const Node& otherwise, const At& at, const std::string& shown) {
  At found;
  try {
    found = by_text(key, at, shown);
    if (found->node->kind == Kind::missing) return otherwise;
  } catch (const Error& e) {
    if (!e.where().empty()) throw;  // the mistake lies elsewhere
    return otherwise;
  } catch (const PointsAtMissing&) {
    return otherwise;
  }
  return found->node->kind == Kind::interpolation ? value(found) : resolved(found);
}

Node Evaluator::decoded(const Node& node, const At& at, const std::string& shown) {
  if (node.is_null()) return node;
  if (node.kind != Kind::string && node.kind != Kind::interpolation) {
    throw Error("", "'" + shown + "' decodes a value that is no text", "use it directly, or quote it");
  }
  const Element element = parse_element(node.string);
  Node result = argument(element, at);
  if (element.kind == Element::Kind::text && result.kind == Kind::string && result.string == element.source) {
    result.string = node.string;  // blanks around plain text are part of it
  }
  return result;
}

}  // namespace plexiform::config

#include <config/compose.h>
#include <config/grammar.h>
#include <config/python.h>
#include <config/resolve.h>
#include <config/resolvers.h>
#include <config/scalars.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <unordered_map>

namespace plexiform::config {
namespace {

constexpr size_t kLargest =
    4'000'000;  // values and characters; interpolations of interpolations can double at each step

// A node and the way to it from its root, for relative paths.
struct Place {
  const Node* node = nullptr;
  std::shared_ptr<const Place> parent;
  std::string key;
};
using At = std::shared_ptr<const Place>;

struct PointsAtMissing {  // thrown: the value hangs on a ???
  std::string path;
};

std::string path_of(const At& at) {
  if (!at->parent) return "";
  const std::string parent = path_of(at->parent);
  return parent.empty() ? at->key : parent + "." + at->key;
}

std::string name_of(const At& at) { return at->parent ? path_of(at) : "the whole config"; }

At child(const At& parent, const std::string& key, const Node* node) {
  return std::make_shared<Place>(Place{node, parent, key});
}

size_t weight(const Node& node) {
  size_t total = 1 + node.string.size() / 16;
  for (const auto& item : node.items) total += weight(item);
  for (const auto& entry : node.entries) total += weight(entry.second);
  return total;
}

class Evaluator {
 public:
  Evaluator(const Node& root, const Resolvers& resolvers)
      : resolvers_(resolvers),
        root_(child(nullptr, "", &root)),
        hydra_root_(child(nullptr, "", &hydra_holder_)),
        hydra_(child(hydra_root_, "hydra", &resolvers.hydra)) {}

  At find(std::string_view path) { return find(root_, path); }
  At find_in_hydra(std::string_view path) { return find(hydra_, path); }

  Node resolved(const At& at) {
    const Node& node = *at->node;
    if (node.kind == Kind::map || node.kind == Kind::list) {
      const Active active(*this, at);
      Node copy = node;
      for (size_t i = 0; i < copy.items.size(); ++i) {
        copy.items[i] = resolved(child(at, std::to_string(i), &node.items[i]));
      }
      for (size_t i = 0; i < copy.entries.size(); ++i) {
        copy.entries[i].second =
            resolved(child(at, copy.entries[i].first, &node.entries[i].second));
      }
      return copy;
    }
    if (node.kind != Kind::interpolation) {
      grow(1);
      return node;
    }
    try {
      return value(at);
    } catch (const PointsAtMissing&) {
      Node result = node;
      result.kind = Kind::missing;
      result.string.clear();
      return result;
    }
  }

  // Of an interpolation. Throws PointsAtMissing.
  Node value(const At& at) {
    const Node& node = *at->node;
    if (const auto known = done_.find(&node); known != done_.end()) {
      grow(weight(known->second));
      return known->second;
    }
    const Active active(*this, at);
    Node result =
        in_place(at, [&] { return text_value(parse_text(node.string), at, node.location); });
    result.key_location = node.key_location;
    result.key_kind = node.key_kind;
    return done_[&node] = result;
  }

  // The node at the end of a chain of interpolations; null when the chain ends in a text or a call.
  At end_of_chain(const At& at) {
    if (at->node->kind != Kind::interpolation) return at;
    const Active active(*this, at);
    const At next = followed(at);
    return next ? end_of_chain(next) : nullptr;
  }

 private:
  static At find(At at, std::string_view path) {
    while (!path.empty()) {
      const auto dot = path.find('.');
      const std::string key(path.substr(0, dot));
      const Node* next = at->node->child(key);
      if (!next) return nullptr;
      at = child(at, key, next);
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    return at;
  }

  // While a node is being worked on, coming back to it is a cycle.
  class Active {
   public:
    Active(Evaluator& evaluator, const At& at) : evaluator_(evaluator) {
      auto& stack = evaluator.active_;
      for (size_t i = 0; i < stack.size(); ++i) {
        if (stack[i]->node != at->node) continue;
        std::string names;
        for (size_t k = i; k < stack.size(); ++k) names += name_of(stack[k]) + " -> ";
        throw Error(where(*at->node, path_of(at)), "is part of a cycle: " + names + name_of(at),
                    "give one of them a value of its own");
      }
      if (stack.size() > 400) {
        throw Error(where(*at->node, path_of(at)), "hangs on more than 400 nodes in a row",
                    "shorten the chain of interpolations");
      }
      stack.push_back(at);
    }
    ~Active() { evaluator_.active_.pop_back(); }
    Active(const Active&) = delete;

   private:
    Evaluator& evaluator_;
  };

  // Gives an Error without a place the place of `at`.
  template <class Work>
  auto in_place(const At& at, Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const Error& e) {
      if (!e.where().empty()) throw;
      throw Error(where(*at->node, path_of(at)), e.problem(), e.fix());
    }
  }

  void grow(size_t amount) {
    grown_ += amount;
    if (grown_ > kLargest) {
      throw Error("", "the resolved config is too large",
                  "let fewer interpolations repeat each other");
    }
  }

  Node text_value(const std::vector<Piece>& pieces, const At& at, const Location& location) {
    if (pieces.size() == 1 && pieces[0].interpolation) {
      return interpolated(*pieces[0].interpolation, at);
    }
    std::string text;
    for (const auto& piece : pieces) {
      text +=
          piece.interpolation ? python_text(interpolated(*piece.interpolation, at)) : piece.literal;
      grow(1 + text.size() / 16);
    }
    Node node = Node::text(std::move(text));
    node.location = location;
    return node;
  }

  Node interpolated(const Interpolation& interpolation, const At& at) {
    if (interpolation.resolver) return called(interpolation, at);
    const At found = target(interpolation, at);
    if (found->node->kind == Kind::interpolation) return value(found);
    if (found->node->kind == Kind::missing) throw PointsAtMissing{path_of(found)};
    return resolved(found);
  }

  std::string joined(const std::vector<Piece>& pieces, const At& at) {
    std::string text;
    for (const auto& piece : pieces) {
      text +=
          piece.interpolation ? python_text(interpolated(*piece.interpolation, at)) : piece.literal;
    }
    return text;
  }

  At target(const Interpolation& interpolation, const At& at) {
    std::vector<std::string> keys;
    for (const auto& key : interpolation.keys) {
      const std::string text = joined(key, at);
      for (size_t start = 0; start <= text.size();) {  // a computed key may hold dots
        const size_t dot =
            key[0].interpolation ? std::min(text.find('.', start), text.size()) : text.size();
        keys.push_back(text.substr(start, dot - start));
        start = dot + 1;
      }
    }
    return select(keys, start_of(interpolation.dots, at, interpolation.source),
                  interpolation.source);
  }

  At start_of(size_t dots, const At& at, const std::string& shown) {
    if (dots == 0) {
      At top = at;
      while (top->parent) top = top->parent;
      return top;
    }
    At start = at;
    for (size_t i = 0; i < dots; ++i) {
      if (!start->parent) {
        throw Error("", "'" + shown + "' climbs above the root", "use fewer leading dots");
      }
      start = start->parent;
    }
    return start;
  }

  // Walks down; what is an interpolation on the way is followed.
  At select(const std::vector<std::string>& keys, At at, const std::string& shown) {
    size_t first = 0;
    if (at == hydra_root_) {  // Hydra's own node may point at the user's config, but not the other
                              // way round
      first = keys[0] == "hydra" ? 1 : 0;
      at = first ? hydra_ : root_;
    }
    for (size_t i = first; i < keys.size(); ++i) {
      at = entered(at);
      const Node* next = at->node->child(keys[i]);
      if (!next) not_found(at, keys, i, shown);
      at = child(at, keys[i], next);
    }
    return at;
  }

  // Where the interpolation at `at` leads, if it is one of a path; null when it is a text or a
  // call.
  At followed(const At& at) {
    const auto pieces = in_place(at, [&] { return parse_text(at->node->string); });
    const bool path =
        pieces.size() == 1 && pieces[0].interpolation && !pieces[0].interpolation->resolver;
    if (!path) return nullptr;
    return in_place(at, [&] { return target(*pieces[0].interpolation, at); });
  }

  // The container that `at` is or leads to.
  At entered(const At& at) {
    if (at->node->kind == Kind::missing) throw PointsAtMissing{path_of(at)};
    if (at->node->kind != Kind::interpolation) return at;
    {
      const Active active(*this, at);
      if (const At next = followed(at)) return entered(next);
    }
    owned_.push_back(value(at));
    return child(at->parent, at->key, &owned_.back());
  }

  [[noreturn]] void not_found(const At& at, const std::vector<std::string>& keys, size_t i,
                              const std::string& shown) {
    const std::string path = path_of(at);
    const std::string full = path.empty() ? keys[i] : path + "." + keys[i];
    const Node& node = *at->node;
    const std::string problem = "'" + shown + "' points at '" + full + "', which does not exist";
    if (node.is_list()) {
      throw Error("", problem,
                  "the list '" + path + "' has " + std::to_string(node.items.size()) +
                      " items, counted from 0");
    }
    if (!node.is_map()) {
      throw Error("", problem,
                  "'" + path + "' is a single value; point at it, or make it a mapping");
    }
    if (path.empty() && keys[i] == "hydra") {
      std::string rest;
      for (size_t k = i + 1; k < keys.size(); ++k) rest += (rest.empty() ? "" : ".") + keys[k];
      throw Error("", problem, "write ${hydra:" + rest + "}");
    }
    throw Error("", problem, did_you_mean(keys[i], node.keys()));
  }

  // ---- resolvers

  Node argument(const Element& element, const At& at) {
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
        return text_value(element.pieces, at, at->node->location);
      default:
        break;
    }
    const bool literal = element.pieces.size() == 1 && !element.pieces[0].interpolation;
    if (literal && element.bare) return read_unquoted(element.pieces[0].literal);
    return text_value(element.pieces, at, at->node->location);
  }

  Node called(const Interpolation& call, const At& at) {
    std::string name;
    for (const auto& key : call.keys) name += (name.empty() ? "" : ".") + joined(key, at);
    std::vector<Node> arguments;
    for (const auto& element : call.arguments) arguments.push_back(argument(element, at));
    struct Resolver {
      size_t least, most;
      const char* usage;
      std::function<Node()> run;
    };
    const auto text = [&](size_t i) -> std::string {
      if (arguments[i].kind == Kind::string || arguments[i].kind == Kind::interpolation) {
        return arguments[i].string;
      }
      if (arguments[i].is_map() || arguments[i].is_list()) {
        throw Error(
            "", "'" + call.source + "' is given a " + (arguments[i].is_map() ? "mapping" : "list"),
            "give it the name of a node");
      }
      return python_text(arguments[i]);
    };
    const std::map<std::string, Resolver> known = {
        {"oc.env",
         {1, 2, "${oc.env:VARIABLE,default}",
          [&] { return environment_value(text(0), arguments); }}},
        {"oc.select",
         {1, 2, "${oc.select:key,default}",
          [&] { return selected(text(0), arguments, at, call.source); }}},
        {"oc.decode",
         {1, 1, "${oc.decode:text}", [&] { return decoded(arguments[0], at, call.source); }}},
        {"oc.create",
         {1, 1, "${oc.create:{key: value}}", [&] { return created_node(arguments[0]); }}},
        {"oc.deprecated",
         {1, 2, "${oc.deprecated:key}", [&] { return at_key(text(0), at, call.source); }}},
        {"oc.dict.keys",
         {1, 1, "${oc.dict.keys:section}",
          [&] { return keys_of(at_key(text(0), at, call.source), call.source); }}},
        {"oc.dict.values",
         {1, 1, "${oc.dict.values:section}",
          [&] { return values_of(at_key(text(0), at, call.source), call.source); }}},
        {"len", {1, 1, "${len:${list}}", [&] { return length_of(arguments[0], call.source); }}},
        {"now", {1, 1, "${now:%Y-%m-%d}", [&] { return time_text(text(0), resolvers_.now); }}},
        {"hydra",
         {1, 1, "${hydra:runtime.output_dir}", [&] { return of_hydra(text(0), call.source); }}},
    };
    const auto found = known.find(name);
    if (found == known.end()) {
      std::vector<std::string> names;
      for (const auto& entry : known) names.push_back(entry.first);
      throw Error("", "'" + call.source + "' uses '" + name + "', which is no resolver",
                  did_you_mean(name, names) + " (a node is pointed at with dots: ${section.key})");
    }
    if (arguments.size() < found->second.least || arguments.size() > found->second.most) {
      throw Error("",
                  "'" + call.source + "' has " + std::to_string(arguments.size()) + " arguments",
                  std::string("write ") + found->second.usage);
    }
    Node result = found->second.run();
    if (!result.location.file) result.location = at->node->location;
    return result;
  }

  // The keys of "a.b[0]" or ".a.b", and where they start.
  At by_text(const std::string& text, const At& at, const std::string& shown) {
    Interpolation path;
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

  Node at_key(const std::string& key, const At& at, const std::string& shown) {
    const At found = by_text(key, at, shown);
    if (found->node->kind == Kind::missing) throw PointsAtMissing{path_of(found)};
    return found->node->kind == Kind::interpolation ? value(found) : resolved(found);
  }

  Node selected(const std::string& key, const std::vector<Node>& arguments, const At& at,
                const std::string& shown) {
    const Node otherwise = arguments.size() > 1 ? arguments[1] : Node();
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

  Node decoded(const Node& node, const At& at, const std::string& shown) {
    if (node.is_null()) return node;
    if (node.kind != Kind::string && node.kind != Kind::interpolation) {
      throw Error("", "'" + shown + "' decodes a value that is no text",
                  "use it directly, or quote it");
    }
    const Element element = parse_element(node.string);
    Node result = argument(element, at);
    if (element.kind == Element::Kind::text && result.kind == Kind::string &&
        result.string == element.source) {
      result.string = node.string;  // blanks around plain text are part of it
    }
    return result;
  }

  Node of_hydra(const std::string& path, const std::string& shown) {
    return at_key("hydra." + path, hydra_root_, shown);
  }

  const Resolvers& resolvers_;
  const Node hydra_holder_ = Node::map();
  const At root_, hydra_root_, hydra_;
  std::vector<At> active_;
  std::unordered_map<const Node*, Node> done_;
  std::deque<Node> owned_;  // results that a path goes on into
  size_t grown_ = 0;
};

// The value at `at`; null: there is no such node in `tree`.
Node read(Evaluator& evaluator, const At& at, const Node& tree, const std::string& path) {
  if (!at) throw Error(path, "no such node in the config", did_you_mean(path, tree.keys()));
  if (at->node->kind != Kind::interpolation) return evaluator.resolved(at);
  try {
    return evaluator.value(at);
  } catch (const PointsAtMissing& missing) {
    throw Error(where(*at->node, path),
                "'" + at->node->string + "' points at '" + missing.path + "', which is ???",
                "set " + missing.path + "=VALUE");
  }
}

}  // namespace

Node resolve(const Node& root, const Resolvers& resolvers) {
  return resolve_at(root, "", resolvers);
}

Node resolve_at(const Node& root, std::string_view path, const Resolvers& resolvers) {
  Evaluator evaluator(root, resolvers);
  return read(evaluator, evaluator.find(path), root, std::string(path));
}

Node resolve_hydra(const Node& root, std::string_view path, const Resolvers& resolvers) {
  Evaluator evaluator(root, resolvers);
  return read(evaluator, evaluator.find_in_hydra(path), resolvers.hydra,
              "hydra." + std::string(path));
}

const Node* pointed_at(const Node& root, std::string_view path) {
  const Resolvers none;
  Evaluator evaluator(root, none);
  At at = evaluator.find(path);
  try {
    if (at) at = evaluator.end_of_chain(at);
  } catch (const Error&) {
    return nullptr;
  } catch (const PointsAtMissing&) {
    return nullptr;
  }
  return at ? at->node : nullptr;
}

}  // namespace plexiform::config

#include <config/evaluator.h>
#include <config/python.h>

#include <algorithm>

namespace plexiform::config {
namespace {

// Interpolations of interpolations can double at each step.
constexpr size_t kLargest = 4'000'000;  // nodes, and every 16 characters of text
constexpr size_t kDeepest = 400;        // nodes that wait for each other

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

}  // namespace

std::string path_of(const At& at) {
  if (!at->parent) return "";
  const std::string parent = path_of(at->parent);
  return parent.empty() ? at->key : parent + "." + at->key;
}

class Evaluator::Active {
 public:
  Active(Evaluator& evaluator, const At& at) : stack_(evaluator.active_) {
    const auto begun =
        std::find_if(stack_.begin(), stack_.end(), [&](const At& other) { return other->node == at->node; });
    if (begun != stack_.end()) {
      std::string names;
      for (auto each = begun; each != stack_.end(); ++each) names += name_of(*each) + " -> ";
      throw Error(where(*at->node, path_of(at)), "is part of a cycle: " + names + name_of(at),
                  "give one of them a value of its own");
    }
    if (stack_.size() >= kDeepest) {
      throw Error(where(*at->node, path_of(at)), "hangs on more than " + std::to_string(kDeepest) + " nodes in a row",
                  "shorten the chain of interpolations");
    }
    stack_.push_back(at);
  }
  ~Active() { stack_.pop_back(); }
  Active(const Active&) = delete;

 private:
  std::vector<At>& stack_;
};

// Gives an Error without a place the place of `at`.
template <class Work>
auto Evaluator::in_place(const At& at, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error& e) {
    if (!e.where().empty()) throw;
    throw Error(where(*at->node, path_of(at)), e.problem(), e.fix());
  }
}

Evaluator::Evaluator(const Node& root, const Resolvers& resolvers)
    : resolvers_(resolvers),
      root_(child(nullptr, "", &root)),
      hydra_root_(child(nullptr, "", &hydra_holder_)),
      hydra_(child(hydra_root_, "hydra", &resolvers.hydra)) {}

void Evaluator::grow(size_t amount) {
  grown_ += amount;
  if (grown_ > kLargest) {
    throw Error("", "the resolved config is too large", "let fewer interpolations repeat each other");
  }
}

// ---- values

Node Evaluator::resolved(const At& at) {
  const Node& node = *at->node;
  if (node.kind == Kind::interpolation) {
    try {
      return value(at);
    } catch (const PointsAtMissing&) {
      Node missing = node;
      missing.kind = Kind::missing;
      missing.string.clear();
      return missing;
    }
  }
  grow(1);
  if (!node.is_map() && !node.is_list()) return node;
  const Active active(*this, at);
  Node result = node.is_map() ? Node::map() : Node::list();
  result.location = node.location;
  result.key_location = node.key_location;
  result.key_kind = node.key_kind;
  for (size_t i = 0; i < node.items.size(); ++i) {
    result.items.push_back(resolved(child(at, std::to_string(i), &node.items[i])));
  }
  for (const auto& [key, value] : node.entries) {
    result.entries.emplace_back(key, resolved(child(at, key, &value)));
  }
  return result;
}

Node Evaluator::value(const At& at) {
  const Node& node = *at->node;
  if (const auto known = done_.find(&node); known != done_.end()) {
    grow(weight(known->second));
    return known->second;
  }
  const Active active(*this, at);
  Node result = in_place(at, [&] { return text_value(parse_text(node.string), at); });
  result.key_location = node.key_location;
  result.key_kind = node.key_kind;
  return done_[&node] = result;
}

Node Evaluator::text_value(const std::vector<Piece>& pieces, const At& at) {
  if (pieces.size() == 1 && pieces[0].interpolation) {
    return interpolated(*pieces[0].interpolation, at);
  }
  Node node = Node::text(joined(pieces, at));
  node.location = at->node->location;
  return node;
}

std::string Evaluator::joined(const std::vector<Piece>& pieces, const At& at) {
  std::string text;
  for (const auto& piece : pieces) {
    const bool literal = !piece.interpolation;
    text += literal ? piece.literal : python_text(interpolated(*piece.interpolation, at));
    grow(1 + text.size() / 16);
  }
  return text;
}

Node Evaluator::interpolated(const Interpolation& interpolation, const At& at) {
  if (interpolation.resolver) return called(interpolation, at);
  const At found = target(interpolation, at);
  if (found->node->kind == Kind::missing) throw PointsAtMissing{path_of(found)};
  return found->node->kind == Kind::interpolation ? value(found) : resolved(found);
}

// ---- paths

At Evaluator::find(std::string_view path) { return find(root_, path); }

At Evaluator::find_in_hydra(std::string_view path) { return find(hydra_, path); }

At Evaluator::find(At at, std::string_view path) {
  while (!path.empty()) {
    const auto dot = path.find('.');
    const std::string key(path.substr(0, dot));
    at = entered(at);
    const Node* next = at->node->child(key);
    if (!next) return nullptr;
    at = child(at, key, next);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at;
}

At Evaluator::end_of_chain(const At& at) {
  if (at->node->kind != Kind::interpolation) return at;
  const Active active(*this, at);
  const At next = followed(at);
  return next ? end_of_chain(next) : nullptr;
}

// Where the interpolation at `at` leads, if it is one of a path; null for a text or a call.
At Evaluator::followed(const At& at) {
  return in_place(at, [&]() -> At {
    const auto pieces = parse_text(at->node->string);
    if (pieces.size() != 1 || !pieces[0].interpolation) return nullptr;
    if (pieces[0].interpolation->resolver) return nullptr;
    return target(*pieces[0].interpolation, at);
  });
}

// The container that `at` is or leads to.
At Evaluator::entered(const At& at) {
  if (at->node->kind == Kind::missing) throw PointsAtMissing{path_of(at)};
  if (at->node->kind != Kind::interpolation) return at;
  {
    const Active active(*this, at);
    if (const At next = followed(at)) return entered(next);
  }
  owned_.push_back(value(at));
  return child(at->parent, at->key, &owned_.back());
}

At Evaluator::target(const Interpolation& interpolation, const At& at) {
  std::vector<std::string> keys;
  for (const auto& key : interpolation.keys) {
    const std::string text = joined(key, at);
    if (!key[0].interpolation) {
      keys.push_back(text);
      continue;
    }
    for (size_t start = 0; start <= text.size();) {  // a computed key may hold dots
      const size_t dot = std::min(text.find('.', start), text.size());
      keys.push_back(text.substr(start, dot - start));
      start = dot + 1;
    }
  }
  const std::string& shown = interpolation.source;
  return select(keys, start_of(interpolation.dots, at, shown), shown);
}

At Evaluator::start_of(size_t dots, const At& at, const std::string& shown) {
  At start = at;
  if (dots == 0) {
    while (start->parent) start = start->parent;
  }
  for (size_t i = 0; i < dots; ++i) {
    if (!start->parent) {
      throw Error("", "'" + shown + "' climbs above the root", "use fewer leading dots");
    }
    start = start->parent;
  }
  return start;
}

At Evaluator::select(const std::vector<std::string>& keys, At at, const std::string& shown) {
  size_t first = 0;
  if (at == hydra_root_ && !keys.empty()) {
    // Hydra's own node may point at the user's config, but not the other way round.
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

void Evaluator::not_found(const At& at, const std::vector<std::string>& keys, size_t i, const std::string& shown) {
  const std::string path = path_of(at);
  const std::string full = path.empty() ? keys[i] : path + "." + keys[i];
  const Node& node = *at->node;
  std::string fix = did_you_mean(keys[i], node.keys());
  if (node.is_list()) {
    fix = "the list '" + path + "' has " + std::to_string(node.items.size()) + " items, counted from 0";
  } else if (!node.is_map()) {
    fix = "'" + path + "' is a single value: point at it, or make it a mapping";
  } else if (path.empty() && keys[i] == "hydra") {
    fix = "write ${hydra:";
    for (size_t k = i + 1; k < keys.size(); ++k) fix += (k > i + 1 ? "." : "") + keys[k];
    fix += "}";
  }
  throw Error("", "'" + shown + "' points at '" + full + "', which does not exist", fix);
}

}  // namespace plexiform::config

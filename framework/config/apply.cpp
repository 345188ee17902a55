#include <config/apply.h>
#include <config/merge.h>
#include <config/python.h>

#include <algorithm>

namespace plexiform::config {
namespace {

using Action = Override::Action;

class Editor {
 public:
  Editor(Node& config, const Override& override) : config_(config), override_(override) {}

  void apply() {
    if (override_.package) {
      fail("'" + override_.key + "' is no group, so '@" + *override_.package + "' means nothing",
           "write a group of the config folder before the @");
    }
    if (override_.key.find('/') != std::string::npos) {
      fail("there is no group '" + override_.key + "'",
           "a key of the config is written with dots: " + dotted(override_.key));
    }
    switch (override_.action) {
      case Action::remove:
        return remove();
      case Action::add:
        return add();
      default:
        return set(override_.action == Action::force);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& problem, const std::string& fix) const {
    throw Error(override_.location.text() + ": " + override_.text, problem, fix);
  }
  static std::string dotted(std::string path) {
    std::replace(path.begin(), path.end(), '/', '.');
    return path;
  }

  // The mapping or list above the key's last step.
  Node& parent(bool open) {
    Node* at = &config_;
    const auto steps = path_steps(override_.key);
    std::string path;
    for (size_t i = 0; i + 1 < steps.size(); ++i) {
      Node* next = at->child(steps[i]);
      path += (path.empty() ? "" : ".") + steps[i];
      if (!next && at->is_list()) no_item(*at, path);
      if (!next && !open) no_key(*at, steps[i], path);
      if (!next) next = &(*at)[steps[i]];
      if (next->kind == Kind::missing) {
        fail("'" + path + "' is ???", "set it first: " + path + "=VALUE");
      }
      if (!next->is_map() && !next->is_list()) {
        if (!open) below_value(*next, steps[i + 1], path);
        const Location key = next->key_location;
        *next = Node::map();
        next->location = override_.location;
        next->key_location = key.file ? key : override_.location;
      }
      at = next;
    }
    return *at;
  }

  [[noreturn]] void no_item(const Node& list, const std::string& path) const {
    fail("'" + path + "' is no item of the list, which has " + std::to_string(list.items.size()),
         "items are counted from 0; to change the length, give the whole list: key=[1,2,3]");
  }
  [[noreturn]] void no_key(const Node& map, const std::string& key, const std::string& path) const {
    const std::string near = nearest(key, map.keys());
    std::string fix = near.empty() ? "" : "did you mean '" + near + "'? ";
    fail("there is no key '" + path + "'", fix + "To add it, write +" + override_.text);
  }
  [[noreturn]] void below_value(const Node& node, const std::string& key, const std::string& path) const {
    if (node.kind == Kind::interpolation) {
      fail("'" + path + "' is " + node.string + ", and holds no key of its own",
           "change the key at the place it points at");
    }
    fail("'" + path + "' is a single value, so there is no key '" + path + "." + key + "'",
         "to put a mapping in its place, write ++" + override_.text);
  }

  void set(bool open) {
    const auto last = path_steps(override_.key).back();
    Node& above = parent(open);
    Node* old = above.child(last);
    if (!old && above.is_list()) no_item(above, override_.key);
    if (!old && !open) no_key(above, last, override_.key);
    const Node& value = *override_.value;
    if (old && (value.is_map() || value.is_list()) && (old->is_map() || old->is_list())) {
      merge(config_, override_.key, value, open ? Keys::open : Keys::closed);
      return;
    }
    Node fresh = value;
    if (old) {
      if (old->key_location.file) fresh.key_location = old->key_location;
      fresh.key_kind = old->key_kind;
      *old = std::move(fresh);
    } else {
      above[last] = std::move(fresh);
    }
  }

  void add() {
    const Node* old = config_.at_path(override_.key);
    const bool there = old && !old->is_null() && old->kind != Kind::missing;
    if (there && !override_.value->is_map() && !override_.value->is_list()) {
      fail("'" + override_.key + "' exists already", "leave out the '+' to change it, or write '++' to do either");
    }
    set(true);
  }

  void remove() {
    const Node* old = config_.at_path(override_.key);
    const auto dot = override_.key.rfind('.');
    const std::string last = dot == std::string::npos ? override_.key : override_.key.substr(dot + 1);
    Node* above = dot == std::string::npos ? &config_ : config_.at_path(override_.key.substr(0, dot));
    if (!old) {
      std::vector<std::string> names;
      if (above) names = above->keys();
      fail("there is no key '" + override_.key + "' to remove", did_you_mean(last, names));
    }
    if (old->is_null() || old->kind == Kind::missing) {
      fail("'" + override_.key + "' has no value to remove: it is " + (old->is_null() ? "null" : "???"),
           "leave this argument out");
    }
    if (override_.value && !equal(*override_.value, *old)) {
      fail("'" + override_.key + "' is " + python_text(*old) + ", not " + python_text(*override_.value),
           "leave out the value to remove it anyway");
    }
    if (above->is_list()) {
      fail("an item of a list cannot be removed", "give the list anew: " + override_.key.substr(0, dot) + "=[...]");
    }
    std::erase_if(above->entries, [&](const auto& entry) { return &entry.second == old; });
  }

  Node& config_;
  const Override& override_;
};

}  // namespace

void apply_override(Node& config, const Override& override) { Editor(config, override).apply(); }

std::vector<std::string> path_steps(const std::string& path) {
  std::vector<std::string> steps;
  size_t start = 0;
  if (path.empty()) return steps;
  for (size_t dot; (dot = path.find('.', start)) != std::string::npos; start = dot + 1) {
    steps.push_back(path.substr(start, dot - start));
  }
  steps.push_back(path.substr(start));
  return steps;
}

}  // namespace plexiform::config

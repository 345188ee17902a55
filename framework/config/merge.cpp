#include <config/merge.h>
#include <config/resolve.h>

#include <algorithm>

namespace plexiform::config {
namespace {

bool container(const Node& node) { return node.is_map() || node.is_list(); }

class Merger {
 public:
  Merger(Node& root, Keys keys) : root_(root), keys_(keys) {}

  // `below` stands at `path`.
  void put(Node& below, const Node& above, const std::string& path) {
    if (below.kind == Kind::interpolation) {
      if (const Node* target = pointed_at(root_, path); target && container(*target)) {
        Node copy = *target;
        copy.key_location = below.key_location;
        copy.key_kind = below.key_kind;
        below = std::move(copy);
      }
    }
    if (above.kind == Kind::missing) return;
    if (container(below) && container(above) && below.kind != above.kind) {
      const std::string is = above.is_list() ? "is a list" : "is a mapping";
      throw Error(where(above, path), is + " on top of a " + (below.is_list() ? "list" : "mapping") + shown(below),
                  std::string("write a ") + (below.is_list() ? "list" : "mapping") + ", or give the key another name");
    }
    if (!below.is_map() || !above.is_map()) {
      const Location key = below.key_location.file ? below.key_location : above.key_location;
      const Kind key_kind = below.key_kind;
      below = above;
      below.key_kind = key_kind;
      if (!below.key_location.file) below.key_location = key;
      return;
    }
    for (const auto& [key, value] : above.entries) {
      const std::string full = path.empty() ? key : path + "." + key;
      const auto found = std::find_if(below.entries.begin(), below.entries.end(),
                                      [&, &name = key, &kind = value.key_kind](const auto& entry) {
                                        return entry.first == name && entry.second.key_kind == kind;
                                      });
      if (found != below.entries.end()) {
        put(found->second, value, full);
      } else if (keys_ == Keys::closed) {
        throw Error(where_key(value, full), "no such key",
                    did_you_mean(key, below.keys()) + " (to add a key, begin with '+')");
      } else {
        below.entries.emplace_back(key, value);
      }
    }
  }

 private:
  static std::string shown(const Node& node) {
    const std::string place = node.location.text();
    return place.empty() ? "" : " (" + place + ")";
  }

  Node& root_;
  Keys keys_;
};

}  // namespace

void merge(Node& root, const std::string& path, const Node& above, Keys keys) {
  Node* below = root.at_path(path);
  if (!below) throw Error(path, "does not exist", "name a key that does");
  Merger(root, keys).put(*below, above, path);
}

}  // namespace plexiform::config

#include <config/difference.h>
#include <config/python.h>

namespace plexiform::config {
namespace {

std::string on_one_line(const Node& node) {
  const std::string text = node.kind == Kind::real ? real_text(node.real) : to_json(node).dump();
  return text.size() > 80 ? text.substr(0, 77) + "..." : text;
}

bool same(const Node& left, const Node& right) {
  return left.kind == right.kind && left.string == right.string && equal(left, right);
}

void compare(const Node& left, const Node& right, const std::string& path, std::vector<Difference>& found) {
  if (!left.is_map() || !right.is_map()) {
    if (!same(left, right)) found.push_back({path, on_one_line(left), on_one_line(right)});
    return;
  }
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : left.entries) {
    if (const Node* other = right.find(key)) {
      compare(value, *other, below(key), found);
    } else {
      found.push_back({below(key), on_one_line(value), ""});
    }
  }
  for (const auto& [key, value] : right.entries) {
    if (!left.find(key)) found.push_back({below(key), "", on_one_line(value)});
  }
}

}  // namespace

std::vector<Difference> differences(const Node& left, const Node& right) {
  std::vector<Difference> found;
  compare(left, right, "", found);
  return found;
}

std::string to_text(const std::vector<Difference>& differences) {
  std::string text;
  for (const auto& [path, left, right] : differences) {
    const std::string change = left.empty()    ? "only now, " + right
                               : right.empty() ? "no longer, was " + left
                                               : left + " -> " + right;
    text += "  " + path + ": " + change + "\n";
  }
  return text;
}

}  // namespace plexiform::config

#include "python_literal.h"

#include <config/python.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

using plexiform::config::Kind;
using plexiform::config::Node;

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Node whole() {
    Node node = value();
    if (!rest_.empty()) throw std::runtime_error("left over: " + std::string(rest_));
    return node;
  }

 private:
  void blanks() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool take(std::string_view word) {
    blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  Node value() {
    blanks();
    if (take("{")) return map();
    if (take("[")) return list();
    if (rest_.starts_with('\'') || rest_.starts_with('"')) {
      Node node = Node::text(text());
      if (node.string == "???") node.kind = Kind::missing;
      return node;
    }
    if (take("None")) return {};
    if (take("True")) return Node::truth(true);
    if (take("False")) return Node::truth(false);
    if (take("nan")) return Node::number(std::numeric_limits<double>::quiet_NaN());
    if (take("inf")) return Node::number(std::numeric_limits<double>::infinity());
    if (take("-inf")) return Node::number(-std::numeric_limits<double>::infinity());
    return number();
  }

  Node number() {
    const size_t length = std::min(rest_.find_first_not_of("+-.0123456789e"), rest_.size());
    const std::string digits(rest_.substr(0, length));
    if (digits.empty()) throw std::runtime_error("no value: " + std::string(rest_));
    rest_.remove_prefix(length);
    if (digits.find_first_of(".e") != std::string::npos) {
      return Node::number(std::strtod(digits.c_str(), nullptr));
    }
    return Node::number(static_cast<int64_t>(std::stoll(digits)));
  }

  Node list() {
    Node node = Node::list();
    while (!take("]")) {
      node.items.push_back(value());
      take(",");
    }
    return node;
  }

  Node map() {
    Node node = Node::map();
    while (!take("}")) {
      const Node key = value();
      if (!take(":")) throw std::runtime_error("no ':' at " + std::string(rest_));
      plexiform::config::set_entry(node, key, value());
      take(",");
    }
    return node;
  }

  std::string text() {
    const char mark = rest_[0];
    rest_.remove_prefix(1);
    std::string result;
    while (!rest_.starts_with(mark)) {
      if (rest_.empty()) throw std::runtime_error("an open quote");
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '\\') {
        c = rest_[0];
        rest_.remove_prefix(1);
        if (c == 'u') {
          const auto code = std::stoul(std::string(rest_.substr(0, 4)), nullptr, 16);
          rest_.remove_prefix(4);
          if (code != 0xFEFF) throw std::runtime_error("only the byte order mark is known");
          result += "\xEF\xBB\xBF";
          continue;
        }
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
      result += c;
    }
    rest_.remove_prefix(1);
    return result;
  }

  std::string_view rest_;
};

}  // namespace

Node python_literal(std::string_view text) { return Reader(text).whole(); }

bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::null:
    case Kind::missing:
      return true;
    case Kind::boolean:
      return a.boolean == b.boolean;
    case Kind::integer:
      return a.integer == b.integer;
    case Kind::real:
      return a.real == b.real || (std::isnan(a.real) && std::isnan(b.real));
    case Kind::string:
    case Kind::interpolation:
      return a.string == b.string;
    case Kind::list:
      if (a.items.size() != b.items.size()) return false;
      for (size_t i = 0; i < a.items.size(); ++i) {
        if (!same(a.items[i], b.items[i])) return false;
      }
      return true;
    case Kind::map:
      if (a.entries.size() != b.entries.size()) return false;
      for (size_t i = 0; i < a.entries.size(); ++i) {
        const auto& [key, value] = a.entries[i];
        const auto& [other_key, other] = b.entries[i];
        if (key != other_key || value.key_kind != other.key_kind || !same(value, other)) {
          return false;
        }
      }
      return true;
  }
  return false;
}

#include <config/python.h>
#include <config/text_cursor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace plexiform::config {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::optional<double> number(const Node& node) {
  if (node.kind == Kind::boolean) return node.boolean;
  if (node.kind == Kind::integer) return static_cast<double>(node.integer);
  if (node.kind == Kind::real) return node.real;
  return std::nullopt;
}

std::optional<double> number_of_key(const std::string& name, const Node& value) {
  if (value.key_kind == Kind::boolean) return name == "true";
  return std::strtod(name.c_str(), nullptr);
}

std::string quoted(const std::string& text) {
  const bool single = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char mark = single ? '"' : '\'';
  std::string result(1, mark);
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (c == '\r') {
      result += "\\r";
    } else {
      if (c == mark || c == '\\') result += '\\';
      result += c;
    }
  }
  return result + mark;
}

}  // namespace

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string shortest(buffer.data(), end.ptr);
  const auto e = shortest.find('e');
  const int exponent = std::stoi(shortest.substr(e + 1));
  std::string digits = shortest.substr(0, e);
  std::string sign;
  if (digits[0] == '-') {
    sign = "-";
    digits.erase(0, 1);
  }
  if (exponent < -4 || exponent >= 16) {
    const int magnitude = std::abs(exponent);
    return sign + digits + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") + std::to_string(magnitude);
  }
  std::erase(digits, '.');
  const int point = exponent + 1;  // digits before the decimal point
  if (point <= 0) return sign + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  const size_t whole = static_cast<size_t>(point);
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  const std::string fraction = digits.substr(whole);
  return sign + digits.substr(0, whole) + "." + (fraction.empty() ? "0" : fraction);
}

std::string python_text(const Node& node) {
  const auto inside = [](const Node& value) {
    const bool text = value.kind == Kind::string || value.kind == Kind::interpolation || value.kind == Kind::missing;
    return text ? quoted(python_text(value)) : python_text(value);
  };
  switch (node.kind) {
    case Kind::null:
      return "None";
    case Kind::boolean:
      return node.boolean ? "True" : "False";
    case Kind::integer:
      return std::to_string(node.integer);
    case Kind::real:
      return real_text(node.real);
    case Kind::missing:
      return "???";
    case Kind::string:
    case Kind::interpolation:
      return node.string;
    case Kind::list: {
      std::string text = "[";
      for (const auto& item : node.items) {
        if (text.size() > 1) text += ", ";
        text += inside(item);
      }
      return text.append("]");
    }
    case Kind::map: {
      std::string text = "{";
      for (const auto& [key, value] : node.entries) {
        std::string shown = value.key_kind == Kind::string ? quoted(key) : key;
        if (value.key_kind == Kind::boolean) shown = key == "true" ? "True" : "False";
        if (text.size() > 1) text += ", ";
        text.append(shown).append(": ").append(inside(value));
      }
      return text.append("}");
    }
  }
  return "";
}

bool python_reads_integer(std::string_view text) {
  TextCursor c(trimmed(text));
  c.take_sign();
  return python_digits(c) && c.done();
}

bool python_reads_real(std::string_view text) {
  TextCursor c(trimmed(text));
  c.take_sign();
  const std::string word = lower(c.rest());
  if (word == "inf" || word == "infinity" || word == "nan") return true;
  const bool whole = digit(c.peek()) && python_digits(c);
  if (whole && c.done()) return true;
  bool fraction = false;
  if (c.take('.')) fraction = digit(c.peek()) && python_digits(c);
  if (!whole && !fraction) return false;
  if (c.done()) return true;
  if (!c.take('e') && !c.take('E')) return false;
  c.take_sign();
  return python_digits(c) && c.done();
}

void set_entry(Node& map, const Node& key, Node value) {
  std::string text;
  std::optional<double> as_number = number(key);
  switch (key.kind) {
    case Kind::boolean:
      text = key.boolean ? "true" : "false";
      break;
    case Kind::integer:
      text = std::to_string(key.integer);
      break;
    case Kind::real:
      text = real_text(key.real);
      break;
    case Kind::missing:
      text = "???";
      break;
    case Kind::string:
    case Kind::interpolation:
      text = key.string;
      break;
    default:
      throw Error("", std::string("a key is ") + (key.is_null() ? "null" : "no single word"),
                  "write a plain key, or quote it");
  }
  const Kind kind = as_number ? key.kind : Kind::string;
  value.key_kind = kind;
  for (auto& [name, old] : map.entries) {
    const bool same = as_number ? old.key_kind != Kind::string && number_of_key(name, old) == as_number
                                : old.key_kind == Kind::string && name == text;
    if (!same) continue;
    value.key_kind = old.key_kind;
    old = std::move(value);
    return;
  }
  map.entries.emplace_back(std::move(text), std::move(value));
}

bool equal(const Node& a, const Node& b) {
  if (a.kind == Kind::integer && b.kind == Kind::integer) return a.integer == b.integer;
  if (number(a) && number(b)) return *number(a) == *number(b);
  if (a.kind != b.kind) return false;
  if (a.is_list()) {
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
  }
  if (a.is_map()) {
    if (a.entries.size() != b.entries.size()) return false;
    return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
      const Node* other = b.find(entry.first);
      return other && equal(entry.second, *other);
    });
  }
  return a.string == b.string;
}

}  // namespace plexiform::config

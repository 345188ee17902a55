#include <config/scalars.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace plexiform::config {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool digit_or_underscore(char c) { return digit(c) || c == '_'; }

// Reads a text from the left; each `take` consumes what it names.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (peek() != c || done()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_sign() { return take('+') || take('-'); }
  template <class Predicate>
  size_t take_all(Predicate wanted) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), wanted);
    const size_t count = static_cast<size_t>(end - rest_.begin());
    rest_.remove_prefix(count);
    return count;
  }
  // ":59" as in base sixty
  bool take_sixtieths() {
    if (!take(':') || !digit(peek())) return false;
    const char first = peek();
    take(first);
    if (first <= '5' && digit(peek())) take(peek());
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string without_underscores(std::string_view text) {
  std::string result(text);
  std::erase(result, '_');
  return result;
}

[[noreturn]] void too_large(std::string_view text) {
  throw Error("", "'" + std::string(text) + "' does not fit in a 64-bit integer",
              "quote it if it is text, or write it as a float");
}

// [sign] digits in `base`, already known to be well formed apart from underscores.
int64_t integer_value(std::string_view text, int base, std::string_view shown) {
  std::string digits = without_underscores(text);
  if (!digits.empty() && digits[0] == '+') digits.erase(0, 1);
  int64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value, base);
  if (read.ec == std::errc::result_out_of_range) too_large(shown);
  if (read.ec != std::errc() || read.ptr != end) {
    throw Error("", "'" + std::string(shown) + "' has no digits", "quote it if it is text");
  }
  return value;
}

double real_value(std::string_view text) {
  std::string digits = without_underscores(text);
  if (!digits.empty() && digits[0] == '+') digits.erase(0, 1);
  double value = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (read.ec == std::errc::result_out_of_range) return std::strtod(digits.c_str(), nullptr);
  if (read.ec != std::errc() || read.ptr != end) {
    throw Error("", "'" + std::string(text) + "' has no digits", "quote it if it is text");
  }
  return value;
}

double base_sixty(std::string_view text) {
  double sign = 1;
  if (text.front() == '-' || text.front() == '+') {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  double value = 0;
  while (true) {
    const auto colon = text.find(':');
    value = value * 60 + real_value(text.substr(0, colon));
    if (colon == std::string_view::npos) return sign * value;
    text.remove_prefix(colon + 1);
  }
}

bool yaml_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

enum class Base { none, two, eight, ten, sixteen, sixty };

// The integers of YAML 1.1.
Base yaml_integer(std::string_view text) {
  Cursor c(text);
  c.take_sign();
  const std::string_view digits = c.rest();
  if (c.take('0')) {
    if (c.done()) return Base::ten;
    if (c.take('b')) {
      const auto count = c.take_all([](char d) { return d == '0' || d == '1' || d == '_'; });
      return count && c.done() ? Base::two : Base::none;
    }
    if (c.take('x')) {
      const auto count = c.take_all([](char d) {
        return digit_or_underscore(d) || (d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F');
      });
      return count && c.done() ? Base::sixteen : Base::none;
    }
    c.take_all([](char d) { return (d >= '0' && d <= '7') || d == '_'; });
    return c.done() ? Base::eight : Base::none;
  }
  if (digits.empty() || digits.front() < '1' || digits.front() > '9') return Base::none;
  c.take_all(digit_or_underscore);
  if (c.done()) return Base::ten;
  while (c.take_sixtieths()) {
    if (c.done()) return Base::sixty;
  }
  return Base::none;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool exponent(Cursor& c, bool sign_needed) {
  if (!c.take('e') && !c.take('E')) return false;
  const bool sign = c.take_sign();
  return (sign || !sign_needed) && c.take_all(digit) > 0;
}

enum class Dialect { yaml, omegaconf };

// The floats of YAML 1.1; OmegaConf's need neither a dot nor the sign of the exponent.
bool yaml_real(std::string_view text, Dialect dialect) {
  const bool strict = dialect == Dialect::yaml;
  Cursor c(text);
  if (text.starts_with('.') && !text.starts_with(".i") && !text.starts_with(".I") &&
      !text.starts_with(".n") && !text.starts_with(".N")) {
    c.take('.');
    if (strict && !digit(c.peek())) return false;
    if (c.take_all(digit_or_underscore) == 0) return false;
    return c.done() || (exponent(c, true) && c.done());
  }
  c.take_sign();
  if (is_one_of(c.rest(), {".inf", ".Inf", ".INF"})) return true;
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return true;
  if (!digit(c.peek())) return false;
  c.take_all(digit_or_underscore);
  if (c.take('.')) {
    c.take_all(digit_or_underscore);
    return c.done() || (exponent(c, strict) && c.done());
  }
  if (c.peek() == ':') {
    while (c.take_sixtieths()) {
      if (c.take('.')) {
        c.take_all(digit_or_underscore);
        return c.done();
      }
    }
    return false;
  }
  return !strict && exponent(c, false) && c.done();
}

double yaml_real_value(std::string_view text) {
  const std::string word = lower(text);
  if (word.ends_with(".inf")) {
    return (word.front() == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
  }
  if (word == ".nan") return std::numeric_limits<double>::quiet_NaN();
  return text.find(':') == std::string_view::npos ? real_value(text) : base_sixty(text);
}

bool yaml_date(std::string_view text) {
  Cursor c(text);
  if (c.take_all(digit) != 4 || !c.take('-')) return false;
  const size_t month = c.take_all(digit);
  if (!c.take('-')) return false;
  const size_t day = c.take_all(digit);
  if (c.done()) return month == 2 && day == 2;
  if (month < 1 || month > 2 || day < 1 || day > 2) return false;
  const auto blank = [](char b) { return b == ' ' || b == '\t'; };
  if (!c.take('T') && !c.take('t') && !c.take_all(blank)) return false;
  const size_t hour = c.take_all(digit);
  if (hour < 1 || hour > 2 || !c.take(':') || c.take_all(digit) != 2) return false;
  if (!c.take(':') || c.take_all(digit) != 2) return false;
  if (c.take('.')) c.take_all(digit);
  c.take_all(blank);
  if (c.done() || (c.take('Z') && c.done())) return true;
  if (!c.take_sign()) return false;
  const size_t zone = c.take_all(digit);
  if (zone < 1 || zone > 2) return false;
  return c.done() || (c.take(':') && c.take_all(digit) == 2 && c.done());
}

std::string_view trimmed(std::string_view text) {
  const auto blank = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// digits with single underscores between them
bool python_digits(Cursor& c) {
  if (!c.take_all(digit)) return false;
  while (c.take('_')) {
    if (!c.take_all(digit)) return false;
  }
  return true;
}

// 0 or digits without a leading zero, single underscores between them
bool whole_number(Cursor& c) {
  if (c.take('0')) return true;
  return python_digits(c);
}

bool command_line_real(std::string_view text) {
  Cursor c(text);
  c.take_sign();
  const std::string word = lower(c.rest());
  if (word == "inf" || word == "nan") return true;
  bool point = false;
  if (c.peek() == '.') {
    c.take('.');
    if (!python_digits(c)) return false;
    point = true;
  } else {
    if (!whole_number(c)) return false;
    if (c.take('.')) {
      if (digit(c.peek()) && !python_digits(c)) return false;
      point = true;
    }
  }
  if (c.done()) return point;
  if (!c.take('e') && !c.take('E')) return false;
  c.take_sign();
  return python_digits(c) && c.done();
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

std::optional<bool> yaml_truth(std::string_view text) {
  if (is_one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) {
    return false;
  }
  return std::nullopt;
}

bool yaml_types(std::string_view text) {
  return yaml_null(text) || yaml_truth(text) || yaml_integer(text) != Base::none ||
         yaml_real(text, Dialect::yaml) || yaml_date(text) || text == "=" || text == "<<";
}

Node read_plain(const std::string& text) {
  if (yaml_null(text)) return Node();
  if (const auto truth = yaml_truth(text)) return Node::truth(*truth);
  const auto sign = text[0] == '-' || text[0] == '+' ? text.substr(0, 1) : "";
  const auto prefixed = [&](size_t skip, int base) {
    return Node::number(integer_value(sign + text.substr(sign.size() + skip), base, text));
  };
  switch (yaml_integer(text)) {
    case Base::two:
      return prefixed(2, 2);
    case Base::eight:
      return prefixed(1, 8);
    case Base::sixteen:
      return prefixed(2, 16);
    case Base::ten:
      return prefixed(0, 10);
    case Base::sixty: {
      const double value = base_sixty(text);
      if (std::abs(value) > 9e15) too_large(text);
      return Node::number(static_cast<int64_t>(value));
    }
    case Base::none:
      break;
  }
  if (yaml_real(text, Dialect::omegaconf)) return Node::number(yaml_real_value(text));
  return read_string(text);
}

Node read_unquoted(const std::string& text) {
  const std::string word = lower(text);
  if (word == "null") return Node();
  if (word == "true" || word == "false") return Node::truth(word == "true");
  Cursor c(text);
  c.take_sign();
  if (whole_number(c) && c.done()) return Node::number(integer_value(text, 10, text));
  if (command_line_real(text)) {
    if (word.ends_with("inf")) {
      return Node::number((word[0] == '-' ? -1 : 1) * std::numeric_limits<double>::infinity());
    }
    if (word.ends_with("nan")) return Node::number(std::numeric_limits<double>::quiet_NaN());
    return Node::number(real_value(text));
  }
  return read_string(text);
}

Node read_string(std::string text) {
  Node node = Node::text(std::move(text));
  if (node.string == "???") {
    node.kind = Kind::missing;
    node.string.clear();
  } else if (node.string.find("${") != std::string::npos) {
    node.kind = Kind::interpolation;
  }
  return node;
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
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
    return sign + digits + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") +
           std::to_string(magnitude);
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
    const bool text = value.kind == Kind::string || value.kind == Kind::interpolation ||
                      value.kind == Kind::missing;
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
      std::string text;
      for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + inside(item);
      return "[" + text + "]";
    }
    case Kind::map: {
      std::string text;
      for (const auto& [key, value] : node.entries) {
        std::string shown = value.key_kind == Kind::string ? quoted(key) : key;
        if (value.key_kind == Kind::boolean) shown = key == "true" ? "True" : "False";
        text += (text.empty() ? "" : ", ") + shown + ": " + inside(value);
      }
      return "{" + text + "}";
    }
  }
  return "";
}

bool python_reads_integer(std::string_view text) {
  Cursor c(trimmed(text));
  c.take_sign();
  return python_digits(c) && c.done();
}

bool python_reads_real(std::string_view text) {
  Cursor c(trimmed(text));
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
    const bool same = as_number
                          ? old.key_kind != Kind::string && number_of_key(name, old) == as_number
                          : old.key_kind == Kind::string && name == text;
    if (!same) continue;
    value.key_kind = old.key_kind;
    old = std::move(value);
    return;
  }
  map.entries.emplace_back(std::move(text), std::move(value));
}

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 120;
  if (text.size() <= kShown) return std::string(text);
  size_t end = kShown;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // keep characters whole
  return std::string(text.substr(0, end)).append("...");
}

bool equal(const Node& a, const Node& b) {
  if (a.kind == Kind::integer && b.kind == Kind::integer) return a.integer == b.integer;
  if (number(a) && number(b)) return *number(a) == *number(b);
  if (a.kind != b.kind) return false;
  if (a.is_list())
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
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

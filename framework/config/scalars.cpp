#include <config/scalars.h>
#include <config/text_cursor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace plexiform::config {
namespace {

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
  TextCursor c(text);
  c.take_sign();
  const std::string_view digits = c.rest();
  if (c.take('0')) {
    if (c.done()) return Base::ten;
    if (c.take('b')) {
      const auto count = c.take_all([](char d) { return d == '0' || d == '1' || d == '_'; });
      return count && c.done() ? Base::two : Base::none;
    }
    if (c.take('x')) {
      const auto count =
          c.take_all([](char d) { return digit_or_underscore(d) || (d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F'); });
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

bool exponent(TextCursor& c, bool sign_needed) {
  if (!c.take('e') && !c.take('E')) return false;
  const bool sign = c.take_sign();
  return (sign || !sign_needed) && c.take_all(digit) > 0;
}

enum class Dialect { yaml, omegaconf };

// The floats of YAML 1.1; OmegaConf's need neither a dot nor the sign of the exponent.
bool yaml_real(std::string_view text, Dialect dialect) {
  const bool strict = dialect == Dialect::yaml;
  TextCursor c(text);
  if (text.starts_with('.') && !text.starts_with(".i") && !text.starts_with(".I") && !text.starts_with(".n") &&
      !text.starts_with(".N")) {
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
  TextCursor c(text);
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

// 0 or digits without a leading zero, single underscores between them
bool whole_number(TextCursor& c) {
  if (c.take('0')) return true;
  return python_digits(c);
}

bool command_line_real(std::string_view text) {
  TextCursor c(text);
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

}  // namespace

std::optional<bool> yaml_truth(std::string_view text) {
  if (is_one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) {
    return false;
  }
  return std::nullopt;
}

bool yaml_types(std::string_view text) {
  return yaml_null(text) || yaml_truth(text) || yaml_integer(text) != Base::none || yaml_real(text, Dialect::yaml) ||
         yaml_date(text) || text == "=" || text == "<<";
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
  TextCursor c(text);
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

}  // namespace plexiform::config

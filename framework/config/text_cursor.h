// Reads a short text from the left, character by character.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace plexiform::config {

inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool digit_or_underscore(char c) { return digit(c) || c == '_'; }

// Each `take` consumes what it names, if it is next.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : rest_(text) {}
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

// digits with single underscores between them
inline bool python_digits(TextCursor& c) {
  if (!c.take_all(digit)) return false;
  while (c.take('_')) {
    if (!c.take_all(digit)) return false;
  }
  return true;
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace plexiform::config

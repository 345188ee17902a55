#include <config/grammar.h>

#include <utility>

namespace plexiform::config {
namespace {

constexpr int kDeepest = 100;  // nested brackets; more is a mistake, and would exhaust the stack

bool blank(char c) { return c == ' ' || c == '\t'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool text_char(char c) { return letter(c) || digit(c) || in(c, "/-\\+.$%*@?|:"); }
bool key_char(char c) { return !in(c, "\\{}()[]:. \t'\"\n\r"); }

// A character that may start a UTF-8 sequence, for messages.
std::string character(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return std::string(text.substr(at, end - at));
}

class Parser {
 public:
  enum class Dialect { command_line, resolver };
  Parser(std::string_view text, Dialect dialect) : text_(text), dialect_(dialect) {}

  std::vector<Element> values() {
    std::vector<Element> elements;
    skip_blanks();
    if (done()) return elements;
    elements.push_back(element());
    while (take(',')) elements.push_back(element());
    if (!done()) unexpected();
    return elements;
  }

  Element whole_element() {
    Element result = element();
    if (!done()) unexpected();
    return result;
  }

  // Everything is literal but ${...}; backslashes count only in front of ${.
  std::vector<Piece> text() {
    std::vector<Piece> pieces = literal_until('\0');
    return pieces;
  }

 private:
  bool done() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  bool take(char c) {
    if (done() || peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (blank(peek())) ++at_;
  }

  [[noreturn]] void fail(const std::string& problem, const std::string& fix) const { throw Error("", problem, fix); }
  std::string shown() const { return std::string("'").append(shortened(text_)).append("'"); }
  [[noreturn]] void unexpected() const {
    if (done()) fail(shown() + " ends too early", "close every bracket, brace and quote");
    const std::string found = character(text_, at_);
    const std::string place = " at character " + std::to_string(at_ + 1);
    if (in(peek(), "=,()[]{}:")) {
      fail(shown() + " has a '" + found + "'" + place + " that cannot stand there",
           "quote the value, or write \\" + found);
    }
    fail(shown() + " has a '" + found + "'" + place, "put quotes around the value");
  }

  struct Depth {  // of brackets and braces
    explicit Depth(Parser& parser) : depth(parser.depth_) {
      if (++depth > kDeepest) {
        throw Error("", "is nested more than " + std::to_string(kDeepest) + " deep", "simplify the value");
      }
    }
    ~Depth() { --depth; }
    int& depth;
  };

  Element element() {
    Depth guard(*this);
    skip_blanks();
    const size_t start = at_;
    Element result;
    if (peek() == '\'' || peek() == '"') {
      result = quoted();
    } else if (peek() == '[') {
      result = list();
    } else if (peek() == '{') {
      result = map();
    } else if (dialect_ == Dialect::command_line && call_follows()) {
      result = call();
    } else {
      return unquoted(true);
    }
    result.source = std::string(text_.substr(start, at_ - start));
    skip_blanks();
    return result;
  }

  // Text up to a character that cannot be part of it. Blanks around it do not count.
  Element unquoted(bool value) {
    const size_t start = at_;
    Element result;
    std::string literal;
    size_t kept = 0;  // of `literal`: what follows is blank
    size_t end = at_;
    const auto flush = [&] {
      if (!literal.empty()) result.pieces.push_back({literal, nullptr});
      literal.clear();
      kept = 0;
    };
    while (!done()) {
      if (blank(peek())) {
        literal += text_[at_++];
        continue;
      }
      if (value && starts("${") && interpolation_closes()) {
        flush();
        result.pieces.push_back({"", interpolation()});
      } else if (peek() == '\\' && in(peek(1), "\\()[]{}:=, \t") && at_ + 1 < text_.size()) {
        literal += text_[at_ + 1];
        result.bare = false;
        at_ += 2;
        kept = literal.size();
      } else if (text_char(peek()) && (value || peek() != ':')) {
        const bool colon = peek() == ':';
        literal += text_[at_++];
        while (colon && blank(peek())) {
          literal += text_[at_++];  // blanks after a colon belong to it
        }
        kept = literal.size();
      } else {
        break;
      }
      end = at_;
    }
    if (end == start) unexpected();
    literal.resize(kept);
    flush();
    result.source = std::string(text_.substr(start, end - start));
    return result;
  }

  Element quoted() {
    Element result;
    result.kind = Element::Kind::quoted;
    const char mark = text_[at_++];
    if (dialect_ == Dialect::resolver) {
      result.pieces = literal_until(mark);
      return result;
    }
    std::string literal;
    while (true) {
      if (done()) fail(shown() + " has a quote that is never closed", "close it");
      const size_t slashes = backslashes();
      if (peek(slashes) != mark || at_ + slashes >= text_.size()) {
        literal.append(slashes, '\\');  // a backslash counts only in front of the quote
        at_ += slashes;
        if (slashes == 0) literal += text_[at_++];
        continue;
      }
      literal.append(slashes / 2, '\\');
      at_ += slashes + 1;
      if (slashes % 2 == 0) break;
      literal += mark;
    }
    if (!literal.empty()) result.pieces.push_back({literal, nullptr});
    return result;
  }

  size_t backslashes() const {
    size_t count = 0;
    while (peek(count) == '\\') ++count;
    return count;
  }

  // Literal text with ${...} up to `mark`, which is consumed, or up to the end.
  std::vector<Piece> literal_until(char mark) {
    std::vector<Piece> pieces;
    std::string literal;
    while (true) {
      if (done()) {
        if (mark) fail(shown() + " has a quote that is never closed", "close it");
        break;
      }
      const size_t slashes = backslashes();
      const bool opens = text_.substr(at_ + slashes).starts_with("${");
      const bool closes = mark && peek(slashes) == mark;
      if (!opens && !closes) {
        literal.append(slashes, '\\');
        at_ += slashes;
        if (slashes == 0) literal += text_[at_++];
        continue;
      }
      literal.append(slashes / 2, '\\');
      at_ += slashes;
      if (slashes % 2) {
        literal += opens ? "${" : std::string(1, mark);
        at_ += opens ? 2 : 1;
      } else if (closes) {
        ++at_;
        break;
      } else {
        if (!literal.empty()) pieces.push_back({literal, nullptr});
        literal.clear();
        pieces.push_back({"", interpolation()});
      }
    }
    if (!literal.empty()) pieces.push_back({literal, nullptr});
    return pieces;
  }

  Element list() {
    Element result;
    result.kind = Element::Kind::list;
    ++at_;
    skip_blanks();
    if (take(']')) return result;
    do {
      result.items.push_back(element());
    } while (take(','));
    if (!take(']')) unexpected();
    return result;
  }

  Element map() {
    Element result;
    result.kind = Element::Kind::map;
    ++at_;
    skip_blanks();
    if (take('}')) return result;
    do {
      skip_blanks();
      result.keys.push_back(unquoted(false));
      if (!take(':')) unexpected();
      result.items.push_back(element());
    } while (take(','));
    if (!take('}')) unexpected();
    return result;
  }

  size_t word_length() const {
    if (!letter(peek())) return 0;
    size_t n = 1;
    while (letter(peek(n)) || digit(peek(n)) || peek(n) == '-') ++n;
    return n;
  }

  bool call_follows() const {
    size_t n = word_length();
    if (n == 0) return false;
    while (blank(peek(n))) ++n;
    return peek(n) == '(';
  }

  Element call() {
    Element result;
    result.kind = Element::Kind::call;
    const size_t n = word_length();
    result.function = std::string(text_.substr(at_, n));
    at_ += n;
    skip_blanks();
    ++at_;
    skip_blanks();
    if (take(')')) return result;
    do {
      skip_blanks();
      size_t name = word_length(), equals = name;
      while (blank(peek(equals))) ++equals;
      if (name && peek(equals) == '=') {
        result.names.emplace_back(text_.substr(at_, name));
        at_ += equals + 1;
      } else {
        if (!result.names.empty() && !result.names.back().empty()) {
          fail(shown() + " has an argument without a name after one with a name",
               "put the arguments without a name first");
        }
        result.names.emplace_back();
      }
      result.items.push_back(element());
    } while (take(','));
    if (!take(')')) unexpected();
    return result;
  }

  // On the command line a ${ that is never closed is a mistake about braces, which `unexpected`
  // reports.
  bool interpolation_closes() const {
    return dialect_ == Dialect::resolver || text_.find('}', at_) != std::string_view::npos;
  }

  std::shared_ptr<const Interpolation> interpolation() {
    Depth guard(*this);
    const Dialect outer = std::exchange(dialect_, Dialect::resolver);
    const size_t start = at_;
    auto result = std::make_shared<Interpolation>();
    at_ += 2;
    skip_blanks();
    while (take('.')) ++result->dots;
    step(*result, start);
    while (true) {
      if (take('.')) {
        step(*result, start, false);
      } else if (peek() == '[') {
        step(*result, start);
      } else {
        break;
      }
    }
    skip_blanks();
    if (peek() == ':' && result->dots == 0) {
      ++at_;
      result->resolver = true;
      arguments(*result);
    }
    if (!take('}')) broken(start);
    result->source = std::string(text_.substr(start, at_ - start));
    dialect_ = outer;
    return result;
  }

  [[noreturn]] void broken(size_t start) const {
    const std::string shown = shortened(text_.substr(start));
    if (done()) {
      fail("'" + shown + "' has no closing }", "close it, or write \\${ for a literal ${");
    }
    fail("'" + shown + "' is no interpolation: '" + character(text_, at_) + "' at character " +
             std::to_string(at_ - start + 1) + " cannot stand there",
         "write ${section.key}, ${.sibling}, ${resolver:argument}, or \\${ for a literal ${");
  }

  // One step of a path: key, ${...} or [key].
  void step(Interpolation& result, size_t start, bool bracket_allowed = true) {
    const bool bracket = bracket_allowed && take('[');
    if (starts("${")) {
      result.keys.push_back({{"", interpolation()}});
    } else {
      std::string key;
      while (!done() && key_char(peek()) && !(peek() == '$' && peek(1) == '{')) key += text_[at_++];
      if (key.empty()) broken(start);
      result.keys.push_back({{key, nullptr}});
    }
    if (bracket && !take(']')) broken(start);
  }

  void arguments(Interpolation& result) {
    skip_blanks();
    if (peek() == '}') return;
    while (true) {
      skip_blanks();
      if (peek() == ',' || peek() == '}') {
        Element empty;  // ${oc.env:VAR,} has an empty default
        empty.kind = Element::Kind::quoted;
        result.arguments.push_back(empty);
      } else {
        result.arguments.push_back(element());
      }
      if (!take(',')) return;
    }
  }

  std::string_view text_;
  Dialect dialect_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::vector<Element> parse_values(std::string_view text) {
  return Parser(text, Parser::Dialect::command_line).values();
}

Element parse_element(std::string_view text) { return Parser(text, Parser::Dialect::resolver).whole_element(); }

std::vector<Piece> parse_text(std::string_view text) { return Parser(text, Parser::Dialect::resolver).text(); }

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 120;
  if (text.size() <= kShown) return std::string(text);
  size_t end = kShown;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // keep characters whole
  return std::string(text.substr(0, end)).append("...");
}

}  // namespace plexiform::config

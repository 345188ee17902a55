// Nodes to YAML, laid out and quoted as PyYAML does for OmegaConf: block style, two spaces, folded
// after column 80.
#include <config/compose.h>
#include <config/python.h>
#include <config/scalars.h>

#include <cmath>

namespace plexiform::config {
namespace {

constexpr size_t kWidth = 80;

std::u32string decoded(const std::string& text) {
  std::u32string result;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    char32_t code = first < 0x80 ? first : first & (0xFFu >> (length + 1));
    for (size_t k = 1; k < length && i + k < text.size(); ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    }
    result += code;
    i += length;
  }
  return result;
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  const unsigned lead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(lead[more] | (c >> (6 * more)));
  for (int k = more - 1; k >= 0; --k) out += static_cast<char>(0x80 | ((c >> (6 * k)) & 0x3F));
}

bool in(char32_t c, std::u32string_view set) { return set.find(c) != std::u32string_view::npos; }
bool line_break(char32_t c) { return in(c, U"\n\u0085\u2028\u2029"); }
bool blank_or_break(char32_t c) { return c == 0 || in(c, U" \t\r") || line_break(c); }
bool printable(char32_t c) { return c >= 0x20 && c <= 0x7E; }
bool printable_unicode(char32_t c) { return (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF); }

// Which ways of writing a text read back as the same text.
struct Ways {
  bool plain = true, single = true;
  bool multiline = false;
};

Ways ways(const std::u32string& text) {
  Ways result;
  if (text.empty()) return result;
  bool indicators = text.starts_with(U"---") || text.starts_with(U"...");
  bool special = false, break_then_space = false, space_then_break = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool before = i == 0 || blank_or_break(text[i - 1]);
    const bool after = i + 1 == text.size() || blank_or_break(text[i + 1]);
    if (i == 0) {
      indicators |= in(c, U"#,[]{}&*!|>'\"%@`") || (in(c, U"?:-") && after);
    } else {
      indicators |= (c == ':' && after) || (c == '#' && before);
    }
    if (line_break(c)) result.multiline = true;
    const bool wide = c >= 0x10000 && c < 0x10FFFF;
    special |= !(c == '\n' || printable(c) || c == 0x85 || printable_unicode(c) || wide);
    if (i > 0) {
      break_then_space |= c == ' ' && line_break(text[i - 1]);
      space_then_break |= line_break(c) && text[i - 1] == ' ';
    }
  }
  const auto edge = [](char32_t c) { return c == ' ' || line_break(c); };
  if (edge(text.front()) || edge(text.back()) || result.multiline || indicators) {
    result.plain = false;
  }
  if (break_then_space) result.plain = result.single = false;
  if (space_then_break || special) result.plain = result.single = false;
  return result;
}

class Writer {
 public:
  std::string take() { return std::move(out_); }

  void node(const Node& node, int indent, bool in_list, bool in_map) {
    switch (node.kind) {
      case Kind::map:
        return map(node, indent, in_list);
      case Kind::list:
        return list(node, indent, in_list, in_map);
      default:
        scalar(node, indent);
    }
  }

  void end_line() {
    out_ += '\n';
    column_ = 0;
  }

 private:
  void put(std::string_view ascii) {
    out_ += ascii;
    column_ += ascii.size();
  }
  void put(std::u32string_view text) {
    for (const char32_t c : text) append(out_, c);
    column_ += text.size();
  }
  void indent_to(int indent) {
    if (column_ > 0) end_line();
    put(std::string(static_cast<size_t>(indent), ' '));
  }

  void map(const Node& node, int indent, bool in_list) {
    if (node.entries.empty()) return put(" {}");
    bool first = true;
    for (const auto& [key, value] : node.entries) {
      if (first && in_list) {
        put(" ");  // the first key stands beside the dash
      } else {
        indent_to(indent);
      }
      first = false;
      const std::u32string name = decoded(key);
      const bool simple = name.size() < 128 && !name.empty() && !ways(name).multiline;
      if (simple) {
        this->key(key, value.key_kind, name, indent, true);
        put(":");
        this->node(value, value.is_list() ? indent : indent + 2, false, true);
      } else {
        put("? ");
        this->key(key, value.key_kind, name, indent, false);
        indent_to(indent);
        put(":");
        this->node(value, indent + 2, true, true);
      }
    }
  }

  void list(const Node& node, int indent, bool in_list, bool) {
    if (node.items.empty()) return put(" []");
    bool first = true;
    for (const auto& item : node.items) {
      if (first && in_list) {
        put(" ");
      } else {
        indent_to(indent);
      }
      first = false;
      put("-");
      this->node(item, indent + 2, true, false);
    }
  }

  void key(const std::string& key, Kind kind, const std::u32string& name, int indent, bool simple) {
    if (kind == Kind::string) {
      text(key, name, indent + 2, simple);
    } else if (kind == Kind::real) {
      put(real(std::strtod(key.c_str(), nullptr)));
    } else {
      put(key);
    }
  }

  static std::string real(double value) {
    if (std::isnan(value)) return ".nan";
    if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
    std::string text = real_text(value);
    const auto e = text.find('e');
    if (e != std::string::npos && text.find('.') == std::string::npos) text.insert(e, ".0");
    return text;
  }

  void scalar(const Node& node, int indent) {
    put(" ");
    switch (node.kind) {
      case Kind::null:
        return put("null");
      case Kind::boolean:
        return put(node.boolean ? "true" : "false");
      case Kind::integer:
        return put(std::to_string(node.integer));
      case Kind::real:
        return put(real(node.real));
      case Kind::missing:
        return text("???", U"???", indent, false);
      default:
        return text(node.string, decoded(node.string), indent, false);
    }
  }

  static bool needs_quotes(const std::string& text) {
    return text == "y" || text == "Y" || text == "n" || text == "N" || yaml_truth(text) || python_reads_integer(text) ||
           python_reads_real(text) || yaml_types(text);
  }

  // `key`: the text is a key on one line, which is never folded.
  void text(const std::string& bytes, const std::u32string& text, int indent, bool key) {
    // Line breaks for YAML 1.1 and PyYAML, none for YAML 1.2 and us: as escapes all read the same.
    if (text.find_first_of(U"\u0085\u2028\u2029") != text.npos) return double_quoted(text, indent, !key);
    const Ways allowed = ways(text);
    if (!needs_quotes(bytes) && allowed.plain) return plain(text, indent, !key);
    if (allowed.single && !(key && allowed.multiline)) return single_quoted(text, indent, !key);
    double_quoted(text, indent, !key);
  }

  void plain(const std::u32string& text, int indent, bool fold) {
    for (size_t start = 0; start < text.size();) {
      size_t end = start;
      if (text[start] == ' ') {
        while (end < text.size() && text[end] == ' ') ++end;
        if (fold && end == start + 1 && column_ > kWidth) {
          indent_to(indent);
        } else {
          put(std::u32string_view(text).substr(start, end - start));
        }
      } else {
        while (end < text.size() && text[end] != ' ') ++end;
        put(std::u32string_view(text).substr(start, end - start));
      }
      start = end;
    }
  }

  void single_quoted(const std::u32string& text, int indent, bool fold) {
    put("'");
    for (size_t start = 0; start < text.size();) {
      size_t end = start;
      const auto run = [&](auto same) {
        while (end < text.size() && same(text[end])) ++end;
      };
      if (text[start] == ' ') {
        run([](char32_t c) { return c == ' '; });
        const bool inside = start != 0 && end != text.size();
        if (fold && inside && end == start + 1 && column_ > kWidth) {
          indent_to(indent);
        } else {
          put(std::u32string_view(text).substr(start, end - start));
        }
      } else if (line_break(text[start])) {
        run(line_break);
        if (text[start] == '\n') end_line();
        for (size_t i = start; i < end; ++i) {
          if (text[i] == '\n') {
            end_line();
          } else {
            append(out_, text[i]);
            column_ = 0;
          }
        }
        put(std::string(static_cast<size_t>(indent), ' '));
      } else if (text[start] == '\'') {
        put("''");
        ++end;
      } else {
        run([](char32_t c) { return c != ' ' && c != '\'' && !line_break(c); });
        put(std::u32string_view(text).substr(start, end - start));
      }
      start = end;
    }
    put("'");
  }

  static std::string escape(char32_t c) {
    switch (c) {
      case 0:
        return "\\0";
      case 7:
        return "\\a";
      case 8:
        return "\\b";
      case 9:
        return "\\t";
      case 10:
        return "\\n";
      case 11:
        return "\\v";
      case 12:
        return "\\f";
      case 13:
        return "\\r";
      case 27:
        return "\\e";
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case 0x85:
        return "\\N";
      case 0xA0:
        return "\\_";
      case 0x2028:
        return "\\L";
      case 0x2029:
        return "\\P";
      default:
        break;
    }
    char buffer[12];
    std::snprintf(buffer, sizeof buffer,
                  c <= 0xFF     ? "\\x%02X"
                  : c <= 0xFFFF ? "\\u%04X"
                                : "\\U%08X",
                  static_cast<unsigned>(c));
    return buffer;
  }

  void double_quoted(const std::u32string& text, int indent, bool fold) {
    put("\"");
    size_t start = 0;
    const auto flush = [&](size_t end) {
      if (start < end) {
        put(std::u32string_view(text).substr(start, end - start));
        start = end;
      }
    };
    for (size_t end = 0; end <= text.size(); ++end) {
      const char32_t c = end < text.size() ? text[end] : 0;
      const bool literal =
          end < text.size() && !in(c, U"\"\\\u0085\u2028\u2029\uFEFF") && (printable(c) || printable_unicode(c));
      if (!literal) {
        flush(end);
        if (end < text.size()) {
          put(escape(c));
          start = end + 1;
        }
      }
      const bool inside = end > 0 && end + 1 < text.size();
      const size_t pending = end > start ? end - start : 0;
      if (fold && inside && (c == ' ' || start >= end) && column_ + pending > kWidth) {
        flush(end);
        put("\\");
        end_line();
        put(std::string(static_cast<size_t>(indent), ' '));
        if (start < text.size() && text[start] == ' ') put("\\");
      }
    }
    put("\"");
  }

  std::string out_;
  size_t column_ = 0;
};

}  // namespace

std::string to_yaml(const Node& node) {
  Writer writer;
  const bool block = (node.is_map() && !node.entries.empty()) || (node.is_list() && !node.items.empty());
  writer.node(node, block ? 0 : 2, false, false);
  writer.end_line();
  std::string text = writer.take();
  if (!block) text.erase(0, 1);  // the blank that separates a value from its key
  return text;
}

}  // namespace plexiform::config

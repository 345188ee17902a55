#include <config/yaml_source.h>

#include <algorithm>

namespace plexiform::config {
namespace {

std::string with_plain_line_ends(const std::string& text) {
  std::string result = text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
  for (size_t at = 0; (at = result.find('\r', at)) != std::string::npos;) {
    if (at + 1 < result.size() && result[at + 1] == '\n') {
      result.erase(at, 1);
    } else {
      result[at] = '\n';
    }
  }
  return result;
}

// The length of the UTF-8 character at `i`, or 0 when there is none or YAML does not allow it.
size_t character_length(const std::string& text, size_t i) {
  const auto byte = [&](size_t k) -> uint32_t { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0; };
  const uint32_t first = byte(i);
  if (first < 0x80) return first >= 0x20 ? first != 0x7F : first == '\t' || first == '\n';
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  uint32_t code = first & (0xFFu >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i + k) & 0x3F);
  }
  const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool control = code < 0xA0 && code != 0x85;
  const bool none = code == 0xFFFE || code == 0xFFFF || code > 0x10FFFF;
  return code < least[length] || surrogate || control || none ? 0 : length;
}

}  // namespace

YamlSource::YamlSource(const std::string& text, std::string name)
    : text_(with_plain_line_ends(text)), name_(std::make_shared<const std::string>(std::move(name))) {
  lines_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') lines_.push_back(i + 1);
  }
  check_characters();
}

void YamlSource::check_characters() const {
  for (size_t i = 0; i < text_.size();) {
    const size_t length = character_length(text_, i);
    if (length == 0) {
      throw Error(at_offset(i).text(), "a character that cannot stand in a YAML file",
                  "save the file as UTF-8 text without control characters");
    }
    i += length;
  }
}

Location YamlSource::at(size_t line, size_t byte) const {
  size_t column = 1;
  const size_t start = line < lines_.size() ? lines_[line] : text_.size();
  for (size_t i = start; i < std::min(start + byte, text_.size()); ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;
  }
  return {name_, static_cast<int>(line) + 1, static_cast<int>(column)};
}

Location YamlSource::at_offset(size_t offset) const {
  const auto next = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const size_t line = static_cast<size_t>(next - lines_.begin()) - 1;
  return at(line, offset - lines_[line]);
}

size_t YamlSource::note_text(size_t offset) {
  size_t begin = offset;
  while (begin < text_.size() && (text_[begin] == '!' || text_[begin] == '&')) {
    begin = std::min(text_.find_first_of(" \t\n", begin), text_.size());
    begin = std::min(text_.find_first_not_of(" \t\n", begin), text_.size());
  }
  const char first = begin < text_.size() ? text_[begin] : '\0';
  if (first == '\'' || first == '"') {
    const size_t end = quote_end(begin);
    if (end == std::string::npos) {  // yaml-cpp lets the end of the file close it
      throw Error(at_offset(begin).text(), "a quoted text that is never closed", "close the quote");
    }
    texts_.push_back({begin, end});
    return end;
  }
  if (first == '|' || first == '>') {
    texts_.push_back({begin, block_end(begin)});
    return texts_.back().end;
  }
  return offset;
}

size_t YamlSource::quote_end(size_t offset) const {
  const char quote = text_[offset];
  for (size_t i = offset + 1; i < text_.size(); ++i) {
    if (quote == '"' && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == quote) {
      if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return std::string::npos;
}

// A block ends at the first line that is indented less than its first one.
size_t YamlSource::block_end(size_t offset) const {
  size_t indent = 0;
  for (size_t line = text_.find('\n', offset); line != std::string::npos; line = text_.find('\n', line + 1)) {
    const size_t word = text_.find_first_not_of(' ', line + 1);
    if (word == std::string::npos) break;
    if (text_[word] == '\n') continue;
    const size_t depth = word - line - 1;
    if (indent == 0) indent = depth;
    if (depth < indent || depth == 0) return line + 1;
  }
  return text_.size();
}

bool YamlSource::colon_follows(size_t offset) const {
  const size_t next = text_.find_first_not_of(" \t", offset);
  return next != std::string::npos && text_[next] == ':';
}

bool YamlSource::question_precedes(size_t offset) const {
  if (offset == 0) return false;
  const size_t last = text_.find_last_not_of(" \t\n", offset - 1);
  if (last == std::string::npos || text_[last] != '?') return false;
  return last == 0 || std::string_view(" \t\n").find(text_[last - 1]) != std::string_view::npos;
}

std::string YamlSource::tag_at(size_t offset) const {
  if (offset >= text_.size() || text_[offset] != '!') return "";
  return text_.substr(offset, text_.find_first_of(" \t\n,]}", offset) - offset);
}

// %YAML and %TAG are settings when a '---' ends them; yaml-cpp drops any other line that begins
// with %.
bool YamlSource::is_directive(size_t line) const {
  const std::string_view rest = std::string_view(text_).substr(line);
  if (!rest.starts_with("%YAML ") && !rest.starts_with("%TAG ")) return false;
  for (const size_t start : lines_) {
    if (start >= line) break;
    const bool settings = text_[start] == '%' || text_[start] == '#' || text_[start] == '\n';
    if (!settings) return false;
  }
  return rest.find("\n---") != std::string_view::npos;
}

void YamlSource::check_outside_texts(size_t end) const {
  if (text_.find_first_of("\t%") == std::string::npos) return;
  auto next = texts_.begin();
  for (size_t i = 0; i < std::min(end, text_.size()); ++i) {
    while (next != texts_.end() && next->end <= i) ++next;
    const bool line_start = i == 0 || text_[i - 1] == '\n';
    if (next != texts_.end() && next->begin <= i) {
      i = next->end - 1;
    } else if (text_[i] == '#' && (line_start || text_[i - 1] == ' ')) {
      i = std::min(text_.find('\n', i), text_.size());
    } else if (text_[i] == '\t') {
      throw Error(at_offset(i).text(), "a tab", "use spaces, also between words");
    } else if (text_[i] == '%' && line_start && !is_directive(i)) {
      throw Error(at_offset(i).text(), "a line that begins with '%'", "quote the text");
    }
  }
}

}  // namespace plexiform::config

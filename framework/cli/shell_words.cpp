#include <cli/shell_words.h>

#include <utility>

namespace plexiform::cli {

std::string shell_quoted(const std::string& word) {
  const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'') {
      text += R"('\'')";
    } else {
      text += c;
    }
  }
  return text + "'";
}

std::string shell_quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += ' ';
    text += shell_quoted(word);
  }
  return text;
}

std::vector<std::string> typed_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool started = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote ? c == quote : c == '\'' || c == '"') {
      quote = quote ? 0 : c;
      started = true;
    } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      started = true;
    } else if (!quote && (c == ' ' || c == '\t' || c == '\n')) {
      if (started) words.push_back(std::exchange(word, ""));
      started = false;
    } else {
      word += c;
      started = true;
    }
  }
  words.push_back(word);
  return words;
}

}  // namespace plexiform::cli

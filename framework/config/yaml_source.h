// The text of a YAML file: where things lie in it, and mistakes in it that yaml-cpp lets pass.
#pragma once

#include <config/node.h>

namespace plexiform::config {

class YamlSource {
 public:
  // Drops a byte order mark, makes all line ends \n. Throws Error for a character that YAML does
  // not allow.
  YamlSource(const std::string& text, std::string name);

  const std::string& text() const { return text_; }
  // `line` and `byte` count from 0; the column of a Location counts characters.
  Location at(size_t line, size_t byte) const;
  Location at_offset(size_t offset) const;

  // Notes the quoted text or block that begins at `offset` (after its tag and anchor) and returns
  // where it ends; `offset` for anything else. Throws Error for a quote that is never closed. To be
  // called in the order of the file.
  size_t note_text(size_t offset);

  // Whether the key that ends at `offset` has its colon.
  bool colon_follows(size_t offset) const;
  // Whether the key at `offset` is written "? key".
  bool question_precedes(size_t offset) const;
  // The tag at `offset` ("!!str"), or "".
  std::string tag_at(size_t offset) const;

  // Throws Error for a tab, or a line that begins with %, outside of the noted texts and of
  // comments, before `end`.
  void check_outside_texts(size_t end = std::string::npos) const;

 private:
  struct Range {
    size_t begin, end;
  };
  void check_characters() const;
  size_t quote_end(size_t offset) const;
  size_t block_end(size_t offset) const;
  bool is_directive(size_t line) const;

  std::string text_;
  std::shared_ptr<const std::string> name_;
  std::vector<size_t> lines_;  // where they begin
  std::vector<Range> texts_;
};

}  // namespace plexiform::config

// YAML text to nodes: yaml-cpp scans and parses, we type the scalars as OmegaConf does and refuse
// what it refuses.
#include <config/compose.h>
#include <config/grammar.h>
#include <config/scalars.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace plexiform::config {
namespace {

constexpr size_t kMostNodes =
    2'000'000;  // aliases of aliases can make a short file grow without end

// A file's text, and where its lines begin.
class Source {
 public:
  Source(const std::string& text, std::string name)
      : text_(text), name_(std::make_shared<const std::string>(std::move(name))) {
    starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  Location at(const YAML::Mark& mark) const {
    if (mark.is_null()) return {name_, 1, 1};
    return at(static_cast<size_t>(mark.line), static_cast<size_t>(mark.column));
  }
  Location at_offset(size_t offset) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const size_t line = static_cast<size_t>(next - starts_.begin()) - 1;
    return at(line, offset - starts_[line]);
  }

  // yaml-cpp lets the end of the file close a quote.
  bool quote_stays_open(size_t offset) const {
    while (offset < text_.size() && (text_[offset] == '!' || text_[offset] == '&')) {  // tag, anchor
      offset = std::min(text_.find_first_of(" \t\r\n", offset), text_.size());
      offset = std::min(text_.find_first_not_of(" \t\r\n", offset), text_.size());
    }
    if (offset == text_.size() || (text_[offset] != '\'' && text_[offset] != '"')) return false;
    const char quote = text_[offset];
    for (size_t i = offset + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote) return false;
        ++i;
      }
    }
    return true;
  }

 private:
  // Columns count characters, not bytes.
  Location at(size_t line, size_t bytes) const {
    size_t column = 1;
    const size_t start = line < starts_.size() ? starts_[line] : text_.size();
    for (size_t i = start; i < std::min(start + bytes, text_.size()); ++i) {
      if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;
    }
    return {name_, static_cast<int>(line) + 1, static_cast<int>(column)};
  }

  const std::string& text_;
  std::shared_ptr<const std::string> name_;
  std::vector<size_t> starts_;
};

// The length of the UTF-8 character at `i`, or 0 when there is none or YAML does not allow it.
size_t character_length(const std::string& text, size_t i) {
  const auto byte = [&](size_t k) -> uint32_t {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0;
  };
  const uint32_t first = byte(i);
  if (first < 0x80) {
    return first >= 0x20 ? first != 0x7F : first == '\t' || first == '\n' || first == '\r';
  }
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

void check_characters(const std::string& text, const Source& source) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = character_length(text, i);
    if (length == 0) {
      throw Error(source.at_offset(i).text(), "a character that cannot stand in a YAML file",
                  "save the file as UTF-8 text without control characters");
    }
    i += length;
  }
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const Source& source) : source_(source) {}

  Node take() { return std::move(root_); }
  bool empty() const { return !has_root_; }
  // Where the list or mapping begins that is open at the moment.
  Location innermost(const Location& otherwise) const {
    return stack_.empty() ? otherwise : stack_.back().node.location;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      fail(source_.at(mark), "a second document begins here",
           "keep one document per file: remove the '---'");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(Node(), source_.at(mark), anchor, false);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      fail(source_.at(mark), "an alias to a node that contains it", "write the value out");
    }
    count(found->second);
    add(found->second, found->second.location, 0, false);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Location place = source_.at(mark);
    const bool plain = tag == "?";
    if (!plain && source_.quote_stays_open(static_cast<size_t>(mark.pos))) {
      fail(place, "a quoted text that is never closed", "close the quote");
    }
    try {
      add(scalar(tag, value), place, anchor, plain && value == "<<");
    } catch (const Error& e) {
      if (!e.where().empty()) throw;
      fail(place, e.problem(), e.fix());
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "seq");
    open(Node::list(), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "map");
    open(Node::map(), mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {  // a list or mapping whose end has not been seen
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    Node key;
    bool merge_key = false;  // the key is <<
    std::vector<Node> merged;
  };

  [[noreturn]] static void fail(const Location& place, const std::string& problem,
                                const std::string& fix) {
    throw Error(place.text(), problem, fix);
  }

  static Node scalar(const std::string& tag, const std::string& value) {
    const std::string core = "tag:yaml.org,2002:";
    if (tag == "!" || tag == core + "str") return read_string(value);
    if (tag == "?") {
      if (value == "=") {
        throw Error("", "a lone '=' has a meaning of its own in YAML", "quote it: '='");
      }
      Node node = read_plain(value);
      return node;
    }
    for (const auto& [name, kind] : {std::pair{"int", Kind::integer},
                                     {"float", Kind::real},
                                     {"bool", Kind::boolean},
                                     {"null", Kind::null}}) {
      if (tag != core + name) continue;
      Node node = read_plain(value);
      if (kind == Kind::real && node.kind == Kind::integer) {
        node = Node::number(static_cast<double>(node.integer));
      }
      if (node.kind == kind) return node;
      throw Error("", "'" + value + "' is no " + name, std::string("remove the tag !!") + name);
    }
    throw Error("", "the tag '" + tag + "' is not known",
                "remove the tag; only values, lists and mappings can be written");
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag, const std::string& allowed) {
    if (tag == "?" || tag == "!" || tag.empty() || tag == "tag:yaml.org,2002:" + allowed) return;
    fail(source_.at(mark), "the tag '" + tag + "' is not known",
         "remove the tag; only values, lists and mappings can be written");
  }

  void count(const Node& node) {
    if (++nodes_ > kMostNodes) {
      fail(node.location, "aliases make this file too large",
           "write the values out instead of aliasing aliases");
    }
    for (const auto& item : node.items) count(item);
    for (const auto& entry : node.entries) count(entry.second);
  }

  void open(Node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    node.location = source_.at(mark);
    if (!stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key) {
      fail(node.location, "a list or mapping cannot be a key", "write a plain key");
    }
    stack_.push_back({std::move(node), anchor, false, {}, false, {}});
  }

  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    if (!closed.merged
             .empty()) {  // what << brings in comes first; the mapping's own keys replace it
      Node whole = Node::map();
      whole.location = closed.node.location;
      closed.merged.push_back(std::move(closed.node));
      for (auto& part : closed.merged) {
        for (auto& [key, value] : part.entries)
          set_entry(whole, key_node(key, value), std::move(value));
      }
      closed.node = std::move(whole);
    }
    const Location place = closed.node.location;
    add(std::move(closed.node), place, closed.anchor, false);
  }

  static Node key_node(const std::string& key, const Node& value) {
    if (value.key_kind == Kind::boolean) return Node::truth(key == "true");
    if (value.key_kind == Kind::integer) return Node::number(static_cast<int64_t>(std::stoll(key)));
    if (value.key_kind == Kind::real) return Node::number(std::strtod(key.c_str(), nullptr));
    return Node::text(key);
  }

  // A complete node: the root, an item, a key or the value of the key before it.
  void add(Node node, const Location& place, YAML::anchor_t anchor, bool merge_key) {
    node.location = place;
    if (node.kind == Kind::interpolation) {
      try {
        parse_text(node.string);
      } catch (const Error& e) {
        fail(place, e.problem(), e.fix());
      }
    }
    if (anchor) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      check_key(parent, node, merge_key);
      parent.key = std::move(node);
      parent.merge_key = merge_key;
      parent.has_key = true;
    } else {
      parent.has_key = false;
      if (parent.merge_key) {
        take_merged(parent, std::move(node));
      } else {
        node.key_location = parent.key.location;
        set_entry(parent.node, parent.key, std::move(node));
      }
    }
  }

  static void check_key(const Open& parent, const Node& key, bool merge_key) {
    if (merge_key) return;
    Node trial = Node::map();
    try {
      set_entry(trial, key, Node());
    } catch (const Error& e) {
      fail(key.location, e.problem(), e.fix());
    }
    for (const auto& [name, value] : parent.node.entries) {
      if (name == trial.entries[0].first && value.key_kind == trial.entries[0].second.key_kind) {
        fail(key.location, "the key '" + name + "' is given twice",
             "remove one of them; the first is at line " + std::to_string(value.key_location.line));
      }
    }
  }

  static void take_merged(Open& parent, Node node) {
    if (node.is_map()) {
      parent.merged.push_back(std::move(node));
      return;
    }
    bool maps = node.is_list();
    for (const auto& item : node.items) maps = maps && item.is_map();
    if (!maps)
      fail(node.location, "'<<' needs a mapping or a list of mappings",
           "point it at a mapping: <<: *name");
    for (auto item = node.items.rbegin(); item != node.items.rend();
         ++item) {  // the first one wins
      parent.merged.push_back(std::move(*item));
    }
  }

  const Source& source_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
  bool has_root_ = false;
  int documents_ = 0;
  size_t nodes_ = 0;
};

// yaml-cpp's message in our words, with the remedy.
std::pair<std::string, std::string> explain(const std::string& message) {
  namespace Msg = YAML::ErrorMsg;
  const auto is = [&](const char* known) { return message.find(known) != std::string::npos; };
  if (is(Msg::MAP_VALUE)) {
    return {"a ':' that cannot stand here",
            "quote the value if it holds ': ', or indent the key like its siblings"};
  }
  if (is(Msg::END_OF_MAP_FLOW)) {
    return {"a '{' that is never closed", "close it with '}', entries separated by commas"};
  }
  if (is(Msg::END_OF_SEQ_FLOW)) {
    return {"a '[' that is never closed", "close it with ']', items separated by commas"};
  }
  if (is(Msg::END_OF_MAP) || is(Msg::END_OF_SEQ)) {
    return {"this line fits no level of indentation above it",
            "indent it like its siblings, and check quotes and colons above it"};
  }
  if (is(Msg::TAB_IN_INDENTATION)) return {"a tab in the indentation", "indent with spaces"};
  if (is(Msg::EOF_IN_SCALAR)) return {"a quoted text that is never closed", "close the quote"};
  if (is(Msg::UNKNOWN_TOKEN))
    return {"a value cannot start with this character", "quote the value"};
  if (is(Msg::INVALID_ESCAPE) || is(Msg::INVALID_HEX) || is(Msg::INVALID_UNICODE)) {
    return {"an unknown escape in double quotes",
            "write \\\\ for a backslash, or use single quotes"};
  }
  if (is(Msg::UNKNOWN_ANCHOR) || is(Msg::ALIAS_NOT_FOUND) || is(Msg::CHAR_IN_ALIAS)) {
    return {"an alias without an anchor",
            "write '&name' before the value it means, or quote the text"};
  }
  if (is(Msg::ANCHOR_NOT_FOUND) || is(Msg::CHAR_IN_ANCHOR))
    return {"an anchor without a name", "write '&name', or quote the text"};
  if (is(Msg::BLOCK_ENTRY))
    return {"a '-' that cannot stand here", "put the list on lines of its own, or quote the text"};
  if (is(Msg::MAP_KEY)) return {"a '?' that cannot stand here", "quote the text"};
  if (is(Msg::FLOW_END))
    return {"a ']' or '}' that closes nothing", "remove it, or quote the text"};
  if (is(Msg::DOC_IN_SCALAR)) return {"a document marker inside a quoted text", "close the quote"};
  return {"not YAML: " + message, "see the line above for a missing quote, colon or bracket"};
}

}  // namespace

Node parse_yaml(const std::string& text, const std::string& name_for_errors) {
  const std::string body = text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
  const Source source(body, name_for_errors);
  check_characters(body, source);
  Builder builder(source);
  try {
    std::istringstream stream(body);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    const auto [problem, fix] = explain(e.msg);
    const bool never_closed = problem.ends_with("is never closed");
    throw Error((never_closed ? builder.innermost(source.at(e.mark)) : source.at(e.mark)).text(),
                problem, fix);
  }
  Node root = builder.take();
  if (root.is_map() || root.is_list()) return root;
  Node map = Node::map();
  map.location = builder.empty() ? source.at(YAML::Mark()) : root.location;
  if (builder.empty() || root.is_null()) return map;
  if (root.kind != Kind::string && root.kind != Kind::interpolation) {
    throw Error(root.location.text(), "the file holds a single value", "write 'key: value' lines");
  }
  map[root.string].key_location = root.location;  // a lone word is a key without a value
  map.entries[0].second.location = root.location;
  return map;
}

Node read_yaml(const std::string& file) {
  std::error_code failed;
  if (std::filesystem::is_directory(file, failed))
    throw Error(file, "is a folder", "name a YAML file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    throw Error(file, "cannot be read", "check that the file exists and that you may read it");
  std::ostringstream text;
  text << stream.rdbuf();
  if (stream.bad()) throw Error(file, "cannot be read to its end", "check the disk and the file");
  return parse_yaml(text.str(), file);
}

}  // namespace plexiform::config

// YAML text to nodes: yaml-cpp scans and parses, we type the scalars as OmegaConf does and refuse
// what it refuses.
#include <config/compose.h>
#include <config/grammar.h>
#include <config/python.h>
#include <config/scalars.h>
#include <config/yaml_source.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace plexiform::config {
namespace {

constexpr auto kTagFix = "remove the tag; only values, lists and mappings can be written";
constexpr size_t kMostNodes = 2'000'000;  // aliases of aliases can make a short file grow without end

// Of the escapes \N and \_ yaml-cpp makes the single bytes 85 and A0, which are U+0085 and U+00A0 but no UTF-8.
std::string with_whole_characters(const std::string& text) {
  std::string whole;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first == 0x85 || first == 0xA0) whole += '\xC2';
    const size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    whole += text.substr(i, length);
    i += length;
  }
  return whole;
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(YamlSource& source) : source_(source) {}

  Node take() { return std::move(root_); }
  bool empty() const { return !has_root_; }
  Location place(const YAML::Mark& mark) const {
    if (mark.is_null()) return source_.at(0, 0);
    return source_.at(static_cast<size_t>(mark.line), static_cast<size_t>(mark.column));
  }
  // Where the list or mapping begins that is open at the moment.
  Location innermost(const Location& otherwise) const {
    return stack_.empty() ? otherwise : stack_.back().node.location;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      fail(place(mark), "a second document begins here", "keep one document per file: remove the '---'");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::string tag = source_.tag_at(offset(mark));  // yaml-cpp drops the tag of an empty value
    if (!tag.empty() && tag != "!" && tag != "!!null" && tag != "!!str") unknown_tag(mark, tag);
    check_colon();
    add(tag == "!!str" ? Node::text("") : Node(), place(mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      fail(place(mark), "an alias to a node that contains it", "write the value out");
    }
    count(found->second);
    if (expects_key()) stack_.back().key_end = 0;
    add(found->second, found->second.location, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool plain = tag == "?";
    const size_t start = offset(mark);
    const size_t end = plain ? start + value.size() : source_.note_text(start);
    if (plain && value == "<<" && !expects_key()) {
      fail(place(mark), "'<<' is the key that merges a mapping", "quote it if it is text");
    }
    Node node;
    try {
      node = scalar(tag, plain ? value : with_whole_characters(value));
    } catch (const Error& e) {
      fail(place(mark), e.problem(), e.fix());
    }
    if (expects_key() && end != start && !source_.question_precedes(start)) {
      stack_.back().key_end = end;
    }
    if (expects_key() && anchor) stack_.back().key_end = 0;
    add(std::move(node), place(mark), anchor, plain && value == "<<");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    for (const unsigned char c : name) {
      if (std::isalnum(c) || c == '-' || c == '_') continue;
      fail(place(mark), "the anchor '" + name + "' has a character other than letters, digits, - and _",
           "give it a plain name, or quote the text");
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "seq");
    open(Node::list(), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    check_tag(mark, tag, "map");
    open(Node::map(), mark, anchor);
    stack_.back().block = style == YAML::EmitterStyle::Block;
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {  // a list or mapping whose end has not been seen
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    Node key;
    bool merge_key = false;  // the key is <<
    size_t key_end = 0;      // where the key ends in the file; 0: written in a way that needs no check
    bool block = false;      // not in braces
    std::vector<Node> merged;
  };

  [[noreturn]] static void fail(const Location& place, const std::string& problem, const std::string& fix) {
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
    for (const auto& [name, kind] :
         {std::pair{"int", Kind::integer}, {"float", Kind::real}, {"bool", Kind::boolean}, {"null", Kind::null}}) {
      if (tag != core + name) continue;
      Node node = read_plain(value);
      if (kind == Kind::real && node.kind == Kind::integer) {
        node = Node::number(static_cast<double>(node.integer));
      }
      if (node.kind == kind) return node;
      throw Error("", "'" + value + "' is no " + name, std::string("remove the tag !!") + name);
    }
    throw Error("", "the tag '" + tag + "' is not known", kTagFix);
  }

  static size_t offset(const YAML::Mark& mark) { return mark.is_null() ? 0 : static_cast<size_t>(mark.pos); }
  bool expects_key() const { return !stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key; }

  // yaml-cpp takes a line without a colon for a key without a value.
  void check_colon() const {
    if (stack_.empty() || !stack_.back().has_key) return;
    const Open& map = stack_.back();
    if (!map.block || map.key_end == 0 || source_.colon_follows(map.key_end)) return;
    fail(map.key.location, "a line without a ':'", "write 'key: value'");
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag, const std::string& allowed) {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:" + allowed) {
      unknown_tag(mark, tag);
    }
  }
  [[noreturn]] void unknown_tag(const YAML::Mark& mark, const std::string& tag) const {
    fail(place(mark), "the tag '" + tag + "' is not known", kTagFix);
  }

  void count(const Node& node) {
    if (++nodes_ > kMostNodes) {
      fail(node.location, "aliases make this file too large", "write the values out instead of aliasing aliases");
    }
    for (const auto& item : node.items) count(item);
    for (const auto& entry : node.entries) count(entry.second);
  }

  void open(Node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    node.location = place(mark);
    if (expects_key()) {
      fail(node.location, "a list or mapping cannot be a key", "write a plain key");
    }
    stack_.emplace_back();
    stack_.back().node = std::move(node);
    stack_.back().anchor = anchor;
  }

  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    if (!closed.merged.empty()) {  // what << brings in comes first; the mapping's own keys replace it
      Node whole = Node::map();
      whole.location = closed.node.location;
      closed.merged.push_back(std::move(closed.node));
      for (auto& part : closed.merged) {
        for (auto& [key, value] : part.entries) {
          set_entry(whole, Node::key(key, value), std::move(value));
        }
      }
      closed.node = std::move(whole);
    }
    const Location at = closed.node.location;
    add(std::move(closed.node), at, closed.anchor);
  }

  // A complete node: the root, an item, a key or the value of the key before it.
  void add(Node node, const Location& at, YAML::anchor_t anchor, bool merge_key = false) {
    node.location = at;
    if (node.kind == Kind::interpolation && !expects_key()) check_interpolation(node);
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

  static void check_interpolation(const Node& node) {
    try {
      parse_text(node.string);
    } catch (const Error& e) {
      fail(node.location, e.problem(), e.fix());
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
    if (!maps) {
      fail(node.location, "'<<' needs a mapping or a list of mappings", "point it at a mapping: <<: *name");
    }
    for (auto item = node.items.rbegin(); item != node.items.rend(); ++item) {  // the first one wins
      parent.merged.push_back(std::move(*item));
    }
  }

  YamlSource& source_;
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
            "quote the value if it holds ': ', indent the key like its siblings, or add a ':' to "
            "the line above"};
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
  if (is(Msg::UNKNOWN_TOKEN)) {
    return {"a value cannot start with this character", "quote the value"};
  }
  if (is(Msg::INVALID_ESCAPE) || is(Msg::INVALID_HEX) || is(Msg::INVALID_UNICODE)) {
    return {"an unknown escape in double quotes", "write \\\\ for a backslash, or use single quotes"};
  }
  if (is(Msg::UNKNOWN_ANCHOR) || is(Msg::ALIAS_NOT_FOUND) || is(Msg::CHAR_IN_ALIAS)) {
    return {"an alias without an anchor", "write '&name' before the value it means, or quote the text"};
  }
  if (is(Msg::ANCHOR_NOT_FOUND) || is(Msg::CHAR_IN_ANCHOR)) {
    return {"an anchor without a name", "write '&name', or quote the text"};
  }
  if (is(Msg::BLOCK_ENTRY)) {
    return {"a '-' that cannot stand here", "put the list on lines of its own, or quote the text"};
  }
  if (is(Msg::MAP_KEY)) return {"a '?' that cannot stand here", "quote the text"};
  if (is(Msg::FLOW_END)) {
    return {"a ']' or '}' that closes nothing", "remove it, or quote the text"};
  }
  if (is(Msg::BAD_FILE)) {
    return {"is nested too deeply", "simplify the file"};  // said of deep nesting
  }
  if (is(Msg::DOC_IN_SCALAR)) return {"a document marker inside a quoted text", "close the quote"};
  return {"not YAML: " + message, "see the line above for a missing quote, colon or bracket"};
}

}  // namespace

Node parse_yaml(const std::string& text, const std::string& name_for_errors) {
  YamlSource source(text, name_for_errors);
  Builder builder(source);
  try {
    std::istringstream stream(source.text());
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    if (!e.mark.is_null()) source.check_outside_texts(static_cast<size_t>(e.mark.pos));
    const auto [problem, fix] = explain(e.msg);
    const Location at = builder.place(e.mark);
    throw Error((problem.ends_with("is never closed") ? builder.innermost(at) : at).text(), problem, fix);
  }
  source.check_outside_texts();
  Node root = builder.take();
  if (root.is_map() || root.is_list()) return root;
  Node map = Node::map();
  map.location = builder.empty() ? source.at(0, 0) : root.location;
  if (builder.empty() || root.is_null()) return map;
  if (root.kind == Kind::missing) root = Node::text("???");
  if (root.kind != Kind::string && root.kind != Kind::interpolation) {
    throw Error(map.location.text(), "the file holds a single value", "write 'key: value' lines");
  }
  if (root.string.empty()) return map;
  map[root.string].key_location = map.location;  // a lone word is a key without a value
  map.entries[0].second.location = map.location;
  return map;
}

Node read_yaml(const std::string& file) {
  std::error_code failed;
  if (std::filesystem::is_directory(file, failed)) {
    throw Error(file, "is a folder", "name a YAML file");
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw Error(file, "cannot be read", "check that the file exists and that you may read it");
  }
  std::ostringstream text;
  text << stream.rdbuf();
  if (stream.bad()) throw Error(file, "cannot be read to its end", "check the disk and the file");
  return parse_yaml(text.str(), file);
}

}  // namespace plexiform::config

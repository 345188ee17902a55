// Every line of tests/data/hydra/omegaconf_golden.txt, written by OmegaConf 2.3.1 itself (the
// script is in make/): scalars, documents, interpolation, merging, struct mode, and how values are
// written.
#include <config/compose.h>
#include <config/merge.h>
#include <config/resolve.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <map>

#include "python_literal.h"

using namespace plexiform::config;
using plexiform::Error;

namespace {

struct Line {
  std::string input, expected;
};

// The lines of one "==== title" section, split at " -> ".
std::vector<Line> section(const std::string& title) {
  std::ifstream file(std::string(TEST_DATA) + "/hydra/omegaconf_golden.txt");
  REQUIRE(file);
  std::vector<Line> lines;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("==== ")) inside = line.starts_with("==== " + title);
    const auto arrow = line.find(" -> ");
    if (!inside || line.starts_with("==== ") || arrow == std::string::npos) continue;
    lines.push_back({line.substr(0, arrow), line.substr(arrow + 4)});
  }
  return lines;
}

std::string trimmed(const std::string& text) {
  const auto end = text.find_last_not_of(' ');
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

// "int        20" -> "20"
std::string after_type(const std::string& expected) {
  const auto space = std::min(expected.find(' '), expected.size());
  return expected.substr(std::max<size_t>(11, space + 1));
}

// Interpolations below a value, which OmegaConf shows unresolved.
bool resolves_to(const Node& value, const Node& shown, const Node& root) {
  if (shown.kind == Kind::string && shown.string.find("${") != std::string::npos) return true;
  if (value.kind != shown.kind || value.items.size() != shown.items.size() ||
      value.entries.size() != shown.entries.size()) {
    return false;
  }
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (!resolves_to(value.items[i], shown.items[i], root)) return false;
  }
  for (size_t i = 0; i < value.entries.size(); ++i) {
    if (value.entries[i].first != shown.entries[i].first) return false;
    if (!resolves_to(value.entries[i].second, shown.entries[i].second, root)) return false;
  }
  return value.is_list() || value.is_map() || same(value, shown);
}

Node with_interpolations(Node node) {
  if (node.kind == Kind::string && node.string.find("${") != std::string::npos) {
    node.kind = Kind::interpolation;
  }
  for (auto& item : node.items) item = with_interpolations(item);
  for (auto& entry : node.entries) entry.second = with_interpolations(entry.second);
  return node;
}

}  // namespace

TEST_CASE("scalars of a YAML file get the types that OmegaConf gives them") {
  const std::map<std::string, std::string> better = {
      {"123456789012345678901234567890", "does not fit in a 64-bit integer"}};
  const auto lines = section("scalars");
  CHECK(lines.size() == 104);
  for (const auto& [text, expected] : lines) {
    INFO("k: " << text << "   -> " << expected);
    try {
      const Node root = parse_yaml("k: " + trimmed(text) + "\n", "test.yaml");
      REQUIRE(!expected.starts_with("ERR"));
      Node wanted = python_literal(after_type(expected));
      if (wanted.kind == Kind::string) wanted = with_interpolations(wanted);
      CHECK(same(*root.find("k"), wanted));
    } catch (const Error& e) {
      INFO(e.what());
      const auto known = better.find(trimmed(text));
      if (known != better.end()) {
        CHECK(e.problem().find(known->second) != std::string::npos);
      } else {
        CHECK(expected.starts_with("ERR"));
      }
      CHECK(e.where().starts_with("test.yaml:"));
    }
  }
}

TEST_CASE("YAML documents are read as OmegaConf reads them") {
  const auto lines = section("documents");
  CHECK(lines.size() == 27);
  for (const auto& [text, expected] : lines) {
    INFO(text << "   -> " << expected);
    try {
      const Node root = parse_yaml(python_literal(text).string, "test.yaml");
      REQUIRE(!expected.starts_with("ERR"));
      CHECK(same(root, python_literal(expected)));
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(expected.starts_with("ERR"));
      CHECK(e.where().starts_with("test.yaml:"));
    }
  }
}

TEST_CASE("each escape of a quoted text is the character that YAML gives it, and is written so that it is read again") {
  const Node root = parse_yaml("a: \"x\\_\\N\\L\\P\\u00e9\\x85é\u00a0\"\n", "test.yaml");
  const std::string text = "x\u00a0\u0085\u2028\u2029é\u0085é\u00a0";
  CHECK(root.find("a")->string == text);
  CHECK(parse_yaml(to_yaml(root), "test.yaml").find("a")->string == text);
}

TEST_CASE("interpolations resolve as OmegaConf resolves them") {
  setenv("NUMX", "12", 1);
  unsetenv("HOMEX");
  const auto lines = section("interpolation");
  CHECK(lines.size() == 53);
  for (const auto& [padded, expected] : lines) {
    const std::string text = trimmed(padded);
    INFO(text << "   -> " << expected);
    try {
      Node root = with_interpolations(
          python_literal("{'a': {'b': 1, 'c': {'d': '${..b}', 'e': '${.d}', 'f': '${...top}'}}, 'top': 'T', 'l': "
                         "[10, 20, '${.0}'], "
                         "'which': 'a', 'm': '?\?\?', 'nothing': None, 'flag': True, 'x': 1.5, 'cyc2': '${k}'}"));
      root["k"] = with_interpolations(Node::text(text));
      const Node value = resolve_at(root, "k", Resolvers());
      REQUIRE(!expected.starts_with("ERR"));
      const bool is_text = expected.starts_with("str ");
      const Node shown = is_text ? Node::text(after_type(expected)) : python_literal(after_type(expected));
      CHECK((is_text ? same(value, shown) : resolves_to(value, shown, root)));
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(expected.starts_with("ERR"));
      CHECK(e.where() == "k");
    }
  }
}

TEST_CASE("configs merge as OmegaConf merges them") {
  const auto lines = section("merge");
  CHECK(lines.size() == 15);
  for (const auto& [text, expected] : lines) {
    INFO(text << "   -> " << expected);
    const auto comma = text.find(" , ");
    Node left = with_interpolations(python_literal(text.substr(0, comma)));
    const Node right = with_interpolations(python_literal(text.substr(comma + 3)));
    try {
      merge(left, "", right);
      REQUIRE(!expected.starts_with("ERR"));
      CHECK(same(left, with_interpolations(python_literal(expected))));
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(expected.starts_with("ERR"));
    }
  }
}

TEST_CASE("an interpolation that points at itself is found out wherever it is followed") {
  Node config = parse_yaml("a: ${a}\nb: ${c}\nc: ${b}\nd: ${b.x.y}\n", "test.yaml");
  CHECK(pointed_at(config, "a") == nullptr);
  CHECK(pointed_at(config, "b") == nullptr);
  CHECK_THROWS_AS(resolve_at(config, "d", Resolvers()), Error);
  merge(config, "", python_literal("{'a': {'x': 1}, 'b': {'x': 1}}"));
  CHECK(config.at_path("a.x")->integer == 1);
  CHECK(config.at_path("b.x")->integer == 1);
}

TEST_CASE("closed keys take no new ones") {
  Node config = python_literal("{'a': {'b': 1}, 'l': [1]}");
  CHECK_THROWS_AS(merge(config, "", python_literal("{'a': {'zz': 1}}"), Keys::closed), Error);
  CHECK_THROWS_AS(resolve_at(config, "a.zz", Resolvers()), Error);
  merge(config, "", python_literal("{'a': {'b': 2}}"), Keys::closed);
  CHECK(config.at_path("a.b")->integer == 2);
}

TEST_CASE("values are written as OmegaConf writes them") {
  std::ifstream file(std::string(TEST_DATA) + "/hydra/omegaconf_golden.txt");
  std::string written, line;
  while (std::getline(file, line) && line != "==== written as YAML") {
  }
  std::getline(file, line);
  while (std::getline(file, line)) written += line + "\n";
  while (written.ends_with("\n\n")) written.pop_back();
  REQUIRE(written.starts_with("a: 'yes'\n"));
  CHECK(to_yaml(parse_yaml(written, "test.yaml")) == written);
}

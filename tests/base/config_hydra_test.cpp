// Every command line of tests/data/hydra/hydra_golden.txt, answered by Hydra 1.3.5 itself (the
// script is in make/). Values, types, the order of keys, layout and exit code have to agree; the
// sentences of errors are ours.
#include <cli/command_line.h>
#include <config/compose.h>
#include <config/info.h>
#include <config/resolve.h>
#include <config/sweep.h>

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "python_literal.h"

using namespace plexiform::config;

namespace {

const std::string kData = std::string(TEST_DATA) + "/hydra/";

struct Case {
  std::string line;  // of the golden file, "$ app" left out
  std::string tree;
  std::vector<std::string> arguments;
  std::string output;
  int exit_code = 0;
};

// As a POSIX shell splits words.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool started = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == '\'') {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\\' && (!quote || line[i + 1] == '"' || line[i + 1] == '\\')) {
      word += line[++i];
      started = true;
    } else if (quote && c == quote) {
      quote = 0;
    } else if (!quote && (c == '\'' || c == '"')) {
      quote = c;
      started = true;
    } else if (!quote && c == ' ') {
      if (started) words.push_back(std::exchange(word, ""));
      started = false;
    } else {
      word += c;
      started = true;
    }
  }
  if (started) words.push_back(word);
  return words;
}

std::vector<Case> golden_cases() {
  std::ifstream file(kData + "hydra_golden.txt");
  REQUIRE(file);
  std::vector<Case> cases;
  std::string tree, line;
  bool open = false;
  while (std::getline(file, line)) {
    if (line.starts_with("==== config tree: ")) tree = line.substr(18, line.size() - 19);
    if (line.starts_with("$ app")) {
      const std::string words = line.size() > 6 ? line.substr(6) : "";
      cases.push_back({words, tree, shell_words(words), "", 0});
      open = true;
    } else if (open && line.starts_with("rc=")) {
      cases.back().exit_code = std::stoi(line.substr(3));
      open = false;
    } else if (open) {
      cases.back().output += line + "\n";
    }
  }
  return cases;
}

// "YEAR" of the golden file is the year of the run.
std::time_t in_the_year_2025() {
  std::tm day{};
  day.tm_year = 125;
  day.tm_mon = 5;
  day.tm_mday = 15;
  day.tm_hour = 12;
  return std::mktime(&day);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

struct Answer {
  std::string printed;     // what the command prints
  std::vector<Node> runs;  // the configs that jobs get
  std::string log;         // of a multirun
};

// What the golden file's app does with its arguments.
Answer answer(const Case& asked) {
  Request request{{kData + asked.tree}, "config", {}};
  std::string show, info, package;
  bool resolved = false, many = false;
  for (size_t i = 0; i < asked.arguments.size(); ++i) {
    const std::string& word = asked.arguments[i];
    if (word == "--config-name") {
      request.name = asked.arguments[++i];
    } else if (word == "--cfg") {
      show = asked.arguments[++i];
    } else if (word == "--info") {
      info = asked.arguments[++i];
    } else if (word == "-p") {
      package = asked.arguments[++i];
    } else if (word == "--resolve") {
      resolved = true;
    } else if (word == "-m") {
      many = true;
    } else if (word.starts_with("--")) {
      plexiform::cli::parse_command_line("train", {word});  // which knows no other
    } else {
      request.overrides.push_back(word);
    }
  }
  Answer result;
  if (info == "defaults") return {defaults_table(request), {}, ""};
  if (info == "defaults-tree") return {defaults_tree(request), {}, ""};
  if (info == "searchpath") return {search_path_table(request), {}, ""};
  const auto resolvers = [](const Composition& composition) {
    return Resolvers{composition.hydra, in_the_year_2025()};
  };
  if (many) {
    const auto jobs = sweep_jobs(request);
    result.log = "Launching " + std::to_string(jobs.size()) + " jobs locally\n";
    for (size_t i = 0; i < jobs.size(); ++i) {
      std::string words;
      for (const auto& word : jobs[i]) words += " " + word;
      result.log += "\t#" + std::to_string(i) + " :" + words + "\n";
      const Composition composition = compose({request.search_path, request.name, jobs[i]});
      result.runs.push_back(resolve(composition.job, resolvers(composition)));
    }
    return result;
  }
  const Composition composition = compose(request);
  if (show.empty()) {
    result.runs.push_back(resolve(composition.job, resolvers(composition)));
    return result;
  }
  Node node = composition.job;
  if (show == "hydra") {
    node = Node::map();
    node["hydra"] = composition.hydra;
  }
  if (resolved) node = resolve(node, resolvers(composition));
  const Node* shown = node.at_path(package);
  if (!shown) throw plexiform::Error(package, "not there", "name a section");
  result.printed = (package.empty() ? "" : "# @package " + package + "\n") + to_yaml(*shown);
  return result;
}

// Widths of tables, the year and the folder's path were made stable in the golden file.
std::string stable(const std::string& text, const std::string& tree) {
  std::istringstream lines(replaced(replaced(text, "'2025'", "'YEAR'"), kData + tree, "<" + tree + ">"));
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of('-') == std::string::npos && line.size() > 10) line.resize(10);
    if (line.starts_with("|")) {
      std::string narrow;
      for (const char c : line) {
        if (c != ' ' || narrow.empty() || narrow.back() != ' ') narrow += c;
      }
      line = narrow.substr(0, narrow.rfind('|') + 1);
    }
    result += line + "\n";
  }
  return result;
}

std::string difference(const Case& asked) {
  Answer given;
  int exit_code = 0;
  try {
    given = answer(asked);
  } catch (const plexiform::Error& e) {
    given.printed = e.what();
    exit_code = 1;
  } catch (const plexiform::cli::Usage& e) {
    given.printed = e.what();
    exit_code = 2;
  }
  if (exit_code != asked.exit_code) {
    return "exit code " + std::to_string(exit_code) + ": " + given.printed;
  }
  if (exit_code != 0) return "";
  if (!given.printed.empty()) {
    if (stable(given.printed, asked.tree) == stable(asked.output, asked.tree)) return "";
    return "printed\n" + stable(given.printed, asked.tree) + "instead of\n" + stable(asked.output, asked.tree);
  }
  std::istringstream lines(asked.output);
  std::string log;
  size_t run = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("RAN ")) {
      const Node expected = python_literal(replaced(line.substr(4), "'YEAR'", "'2025'"));
      if (run >= given.runs.size() || !same(given.runs[run], expected)) {
        return "run " + std::to_string(run) + " got\n" +
               (run < given.runs.size() ? to_yaml(given.runs[run]) : "nothing") + "instead of\n" + to_yaml(expected);
      }
      ++run;
    } else {
      log += replaced(line, "[TIME][HYDRA] ", "") + "\n";
    }
  }
  if (log != given.log) return "logged\n" + given.log + "instead of\n" + log;
  return run == given.runs.size() ? "" : "too many runs";
}

// Cases that are known to differ, one a line: the arguments as in the golden file, " # ", the
// reason.
std::set<std::string> known_to_differ() {
  std::ifstream file(kData + "differences.txt");
  REQUIRE(file);
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with("# ")) continue;
    const auto reason = line.rfind(" # ");
    REQUIRE(reason != std::string::npos);
    lines.insert(line.substr(0, reason));
  }
  return lines;
}

}  // namespace

TEST_CASE("command lines are answered as Hydra answers them") {
  const auto known = known_to_differ();
  const auto cases = golden_cases();
  CHECK(cases.size() == 140);
  size_t agree = 0;
  std::set<std::string> seen;
  for (const auto& asked : cases) {
    INFO("app " << asked.line << "   (" << asked.tree << ")");
    const std::string found = difference(asked);
    agree += found.empty();
    if (known.count(asked.line)) {
      seen.insert(asked.line);
      CHECK(found != "");  // it agrees now: take it out of differences.txt
    } else {
      CHECK(found == "");
    }
  }
  CHECK(seen == known);
  WARN(agree << " of " << cases.size() << " command lines agree with Hydra");
}

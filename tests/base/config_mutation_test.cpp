// Broken files and arguments, made by mutation from a fixed seed: each is read or refused with an Error that names a
// place, never more.
#include <cli/command_line.h>
#include <cli/completion.h>
#include <config/compose.h>
#include <config/info.h>
#include <config/override.h>
#include <config/resolve.h>
#include <config/sweep.h>

#include <catch2/catch_test_macros.hpp>

#include "../broken_configs.h"
#include "../folder.h"
#include "../mutator.h"
#include "python_literal.h"

using namespace plexiform::config;
namespace fs = std::filesystem;

namespace {

// What a refusal has to have: a place, what is wrong, and what to do about it.
void check(const plexiform::Error& e) {
  INFO(e.what());
  CHECK(!e.where().empty());
  CHECK(!e.problem().empty());
  CHECK(!e.fix().empty());
}

}  // namespace

TEST_CASE("a mutated YAML file is read or refused, and what is read can be written and read again") {
  Mutator mutator(1);
  std::vector<std::string> texts;
  for (const auto& file : yaml_files(kConfigs)) texts.push_back(text_of(file));
  for (const auto& file : yaml_files(kGroups)) texts.push_back(text_of(file));
  REQUIRE(texts.size() > 30);
  size_t read = 0, refused = 0;
  for (size_t i = 0; i < 10'000; ++i) {
    const std::string text = mutator.mutated(texts[i % texts.size()], 1 + mutator.below(4));
    INFO(text);
    Node node;
    try {
      node = parse_yaml(text, "mutated.yaml");
      ++read;
    } catch (const plexiform::Error& e) {
      ++refused;
      REQUIRE(e.where().starts_with("mutated.yaml:"));
      check(e);
      continue;
    }
    const std::string written = to_yaml(node);
    INFO(written);
    REQUIRE(same(parse_yaml(written, "written.yaml"), node));
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("a mutated argument is read or refused") {
  Mutator mutator(2);
  size_t read = 0, refused = 0;
  for (size_t i = 0; i < 30'000; ++i) {
    const std::string argument = mutator.mutated(kArguments[i % kArguments.size()], 1 + mutator.below(3));
    INFO(argument);
    try {
      parse_override(argument, 7);
      ++read;
    } catch (const plexiform::Error& e) {
      ++refused;
      REQUIRE(e.where().starts_with("command line, argument "));
      check(e);
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("a config tree with mutated files and arguments composes or is refused") {
  Mutator mutator(3);
  const Folder folder;
  fs::copy(kGroups, folder.path, fs::copy_options::recursive);
  const auto files = yaml_files(folder.path);
  size_t composed = 0, refused = 0;
  for (size_t i = 0; i < 400; ++i) {
    const fs::path file = mutator.below(2) ? folder.path / "train.yaml" : mutator.one_of(files);
    const std::string before = text_of(file), text = mutator.mutated(before, 1 + mutator.below(3));
    std::ofstream(file) << text;
    std::vector<std::string> overrides;
    for (size_t k = mutator.below(3); k > 0; --k) {
      overrides.push_back(mutator.mutated(mutator.one_of(kGroupArguments), mutator.below(2)));
    }
    const Request request{{folder.path}, "train", overrides};
    INFO(file << "\n" << text);
    try {
      if (mutator.below(4) == 0) sweep_jobs(request);
      if (mutator.below(4) == 0) defaults_tree(request);
      const Composition composition = compose(request);
      resolve(composition.job, {composition.hydra, 0});
      ++composed;
    } catch (const plexiform::Error& e) {
      ++refused;
      check(e);
    }
    std::ofstream(file) << before;
  }
  CHECK(composed > 50);
  CHECK(refused > 50);
}

TEST_CASE("mutated interpolations resolve or are refused") {
  Mutator mutator(4);
  const std::string text = text_of(kValues / "config.yaml");
  size_t resolved = 0, refused = 0;
  for (size_t i = 0; i < 3'000; ++i) {
    const std::string broken = mutator.mutated(text, 1 + mutator.below(3));
    INFO(broken);
    Node root = Node::map();
    try {
      root = parse_yaml(broken, "mutated.yaml");
    } catch (const plexiform::Error&) {
    }
    for (const auto& key : root.keys()) {
      try {
        resolve_at(root, key, {Node::map(), 0});
        ++resolved;
      } catch (const plexiform::Error& e) {
        ++refused;
        check(e);
      }
    }
  }
  CHECK(resolved > 100);
  CHECK(refused > 100);
}

TEST_CASE("a mutated command line is understood or refused, and completed or not") {
  Mutator mutator(5);
  size_t understood = 0, refused = 0, misused = 0;
  for (size_t i = 0; i < 1'000; ++i) {
    auto words = kCommandLines[i % kCommandLines.size()];
    for (size_t k = 1 + mutator.below(2); k > 0; --k) {
      const size_t at = mutator.below(words.size());
      words[at] = mutator.mutated(words[at], 1);
    }
    std::string shown = "plexiform train";
    for (const auto& word : words) shown += " " + word;
    INFO(shown);
    plexiform::cli::completions(shown);
    try {
      const auto line = plexiform::cli::parse_command_line("train", words);
      line.multirun ? compose_sweep(line.request) : compose(line.request);
      ++understood;
    } catch (const plexiform::Error& e) {
      ++refused;
      check(e);
    } catch (const plexiform::cli::Usage& e) {
      ++misused;
      CHECK(std::string(e.what()).find("\n  fix: ") != std::string::npos);
    }
  }
  CHECK(understood > 100);
  CHECK(refused > 100);
  CHECK(misused > 50);
}

// Broken files and arguments, made by mutation from a fixed seed: each is read or refused with an
// Error, never more.
#include <config/compose.h>
#include <config/override.h>
#include <config/resolve.h>
#include <config/sweep.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "python_literal.h"

using namespace plexiform::config;
namespace fs = std::filesystem;

namespace {

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  size_t below(size_t n) { return random_() % n; }

  std::string mutated(std::string text, size_t times) {
    static const std::vector<std::string> parts = {
        ":",        ": ",     "-",         "- ",          " ",
        "  ",       "\n",     "\t",        "'",           "\"",
        "[",        "]",      "{",         "}",           ",",
        "#",        "&",      "*",         "!",           "|",
        ">",        "%",      "@",         "${",          "${a.b}",
        "}",        "???",    "null",      "<<",          "\\",
        "\r",       "...",    "---",       "\xff",        "\x01",
        "\xc3\xa9", "_self_", "override ", "optional ",   "@_global_",
        "@x",       "010",    "1e400",     "defaults:\n", "${oc.env:X,",
        "int(",     "=",      "+",         "~",           "99999999999999999999"};
    for (size_t i = 0; i < times; ++i) {
      const size_t at = below(text.size() + 1);
      const size_t length = std::min(below(9), text.size() - at);
      switch (below(4)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, parts[below(parts.size())]);
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), length));
          break;
        default:
          text.replace(at, length, parts[below(parts.size())]);
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

const fs::path kConfigs = fs::path(SOURCE_DIR) / "configs";
const fs::path kGroups = fs::path(TEST_DATA) / "hydra" / "conf_groups";

}  // namespace

TEST_CASE("a mutated YAML file is read or refused, and what is read can be written and read again") {
  Mutator mutator(1);
  std::vector<std::string> texts;
  for (const auto& file : yaml_files(kConfigs)) texts.push_back(text_of(file));
  for (const auto& file : yaml_files(kGroups)) texts.push_back(text_of(file));
  REQUIRE(texts.size() > 30);
  size_t read = 0, refused = 0;
  for (size_t i = 0; i < 20'000; ++i) {
    const std::string text = mutator.mutated(texts[i % texts.size()], 1 + mutator.below(4));
    INFO(text);
    Node node;
    try {
      node = parse_yaml(text, "mutated.yaml");
      ++read;
    } catch (const plexiform::Error& e) {
      ++refused;
      REQUIRE(e.where().starts_with("mutated.yaml:"));
      REQUIRE(!e.problem().empty());
      REQUIRE(!e.fix().empty());
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
  const std::vector<std::string> arguments = {"model.hidden=4",
                                              "+a.b=[1,{x: y},'q']",
                                              "++k=\"a${b}c\"",
                                              "~model@x=big",
                                              "list=[1,2.5,null,true]",
                                              "seed=range(1,10,step=4)",
                                              "lr=tag(t,choice(1,2))",
                                              "name=sort(3,1,2,reverse=true)",
                                              "x=int([1.5,'2'])",
                                              "path=${oc.env:HOME,/tmp}/x\\=1",
                                              "model=glob([a*,b*],exclude=c*)",
                                              "+g@p.q=option",
                                              "z=shuffle(a,b)"};
  size_t read = 0, refused = 0;
  for (size_t i = 0; i < 50'000; ++i) {
    const std::string argument = mutator.mutated(arguments[i % arguments.size()], 1 + mutator.below(3));
    INFO(argument);
    try {
      const Override override = parse_override(argument, 7);
      ++read;
      if (override.sweep) sweep_jobs({{kGroups.string()}, "train", {argument}});
    } catch (const plexiform::Error& e) {
      ++refused;
      REQUIRE(e.where().starts_with("command line, argument "));
      REQUIRE(!e.fix().empty());
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("a config tree with mutated files and arguments composes or is refused") {
  Mutator mutator(3);
  const fs::path folder = fs::temp_directory_path() / ("plexiform_mutated_" + std::to_string(::getpid()));
  const std::vector<std::string> arguments = {
      "model.learning_rate=1", "+experiment=sgd_fast",  "data=other", "~optimizer@second", "callbacks=[checkpoint]",
      "quality=strict",        "trainer.nested={a: 5}", "++a.b.c=1",  "hydra.run.dir=x"};
  size_t composed = 0, refused = 0;
  for (size_t i = 0; i < 400; ++i) {
    fs::remove_all(folder);
    fs::copy(kGroups, folder, fs::copy_options::recursive);
    const auto files = yaml_files(folder);
    const fs::path file = mutator.below(2) ? folder / "train.yaml" : files[mutator.below(files.size())];
    const std::string text = mutator.mutated(text_of(file), 1 + mutator.below(3));
    std::ofstream(file) << text;
    std::vector<std::string> overrides;
    for (size_t k = mutator.below(3); k > 0; --k) {
      overrides.push_back(arguments[mutator.below(arguments.size())]);
    }
    INFO(file << "\n" << text);
    try {
      const Composition composition = compose({{folder.string()}, "train", overrides});
      resolve(composition.job, {composition.hydra, 0});
      ++composed;
    } catch (const plexiform::Error& e) {
      INFO(e.what());
      ++refused;
      CHECK(!e.where().empty());
    }
  }
  fs::remove_all(folder);
  CHECK(composed > 50);
  CHECK(refused > 50);
}

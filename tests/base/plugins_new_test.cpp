// `plexiform plugins new`: what it writes, and what it refuses. tests/install builds and trains it.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../command.h"
#include "../folder.h"

using Catch::Matchers::ContainsSubstring;

namespace {

Ran plugins_new(const Folder& folder, const std::string& kind, const std::string& name) {
  return run({"plugins", "new", kind, name, "--dir", folder / "made"}, folder / "log");
}

}  // namespace

TEST_CASE("a new core, readout or loss is a whole project, with no placeholder left in it") {
  const Folder folder;
  for (const std::string kind : {"core", "readout", "loss"}) {
    const auto ran = plugins_new(folder, kind, "conv_gru_" + kind);
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    CHECK_THAT(ran.output, ContainsSubstring("cmake --build build"));
    const auto project = folder.path / "made" / ("conv_gru_" + kind);
    const auto name = project.filename().string();
    for (const auto& file : {"CMakeLists.txt", "README.md", ".gitignore"}) CHECK(exists(project / file));
    for (const auto& ending : {".cpp", "_test.cpp", ".yaml"}) CHECK(exists(project / (name + ending)));
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(project)) {
      INFO(entry.path());
      CHECK_THAT(content(entry.path()), !ContainsSubstring("@"));
      ++files;
    }
    CHECK(files == 6);
    CHECK_THAT(content(project / (name + ".cpp")), ContainsSubstring("struct ConvGru"));
    CHECK_THAT(content(project / (name + ".yaml")),
               ContainsSubstring("mylab." + (kind == "loss" ? "losses" : kind + "s") + ".ConvGru"));
  }
}

TEST_CASE("the source of a new plugin is at most 40 lines") {
  const Folder folder;
  for (const std::string kind : {"core", "readout", "loss"}) {
    REQUIRE(plugins_new(folder, kind, "mine_" + kind).code == 0);
    const auto text = content(folder / ("made/mine_" + kind + "/mine_" + kind + ".cpp"));
    CHECK(std::count(text.begin(), text.end(), '\n') <= 40);
  }
}

TEST_CASE("a name that is no identifier is refused with one that is") {
  const Folder folder;
  const std::vector<std::pair<std::string, std::string>> names = {
      {"ConvGRU", "use conv_gru:"},   {"conv-gru", "use conv_gru:"}, {"3d", "use core_3d:"},
      {"params", "use params_core:"}, {"test", "use test_core:"},    {"a__b", "use a_b:"},
      {"../up", "use up:"},           {"é", "use my_core:"},         {"", "use my_core:"},
      {"/", "use my_core:"},          {"a b", "use a_b:"},           {"x\n", "use x:"}};
  for (const auto& [name, sentence] : names) {
    const auto ran = plugins_new(folder, "core", name);
    INFO("'" << name << "': " << ran.output);
    CHECK(ran.code == 1);
    CHECK_THAT(ran.output, ContainsSubstring(sentence));
  }
  CHECK_FALSE(exists(folder.path / "made"));
}

TEST_CASE("a name that would hide a plugin that is there is refused") {
  const Folder folder;
  setenv("PLEXIFORM_PLUGIN_PATH", FIXTURE_DIR, 1);
  const auto ran = plugins_new(folder, "core", "fixture_plain");
  unsetenv("PLEXIFORM_PLUGIN_PATH");
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output, ContainsSubstring("choose another name, such as my_fixture_plain"));
}

TEST_CASE("an existing folder is refused and left as it is") {
  const Folder folder;
  REQUIRE(plugins_new(folder, "core", "mine").code == 0);
  std::ofstream(folder / "made/mine/mine.cpp") << "my work";
  std::filesystem::create_directory(folder / "made/empty");
  std::ofstream(folder / "made/file") << "text";
  for (const char* name : {"mine", "empty", "file"}) {
    const auto ran = plugins_new(folder, "core", name);
    INFO(ran.output);
    CHECK(ran.code == 1);
    CHECK_THAT(ran.output, ContainsSubstring("is there already"));
  }
  CHECK(content(folder / "made/mine/mine.cpp") == "my work");
  CHECK(std::filesystem::is_empty(folder / "made/empty"));
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "made")) ++entries;
  CHECK(entries == 3);  // no half-written project beside them
}

TEST_CASE("another kind, or no name, is a mistake of usage") {
  const Folder folder;
  CHECK(run({"plugins", "new", "kore", "mine"}, folder / "log").code == 2);
  CHECK(run({"plugins", "new", "core"}, folder / "log").code == 2);
  CHECK(run({"plugins", "new"}, folder / "log").code == 2);
}

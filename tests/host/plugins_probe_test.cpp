// New plugins are opened in a child process first. These are broken on purpose (tests/fixtures), and this process survives.
#include <plugins/catalogue.h>
#include <plugins/host/load.h>
#include <plugins/probe.h>

#include <catch2/catch_test_macros.hpp>

#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

std::string fixture(const std::string& name) { return FIXTURE_DIR "/fixture_" + name + ".plexiform.so"; }

// "good", or "failed: problem", or "blocked: problem"
std::string verdict(const Seen& seen) {
  return seen.verdict == Verdict::good     ? "good"
         : seen.verdict == Verdict::failed ? "failed: " + seen.problem.problem
                                           : "blocked: " + seen.problem.problem;
}

}  // namespace

TEST_CASE("every way in which a plugin can break its contract is told apart") {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"plain", "good"},
      {"mistakes", "good"},
      {"wide_stride", "good"},
      {"prints_at_load", "good"},
      {"missing_symbol", "failed: cannot be loaded: undefined symbol: plexiform_symbol_that_nobody_defines"},
      {"null_entry", "failed: refuses this host (Plexiform " PLEXIFORM_VERSION ", plugin ABI 1.1)"},
      {"throwing_entry", "failed: its entry function throws"},
      {"short_descriptor", "failed: breaks the plugin contract: its descriptor has 8 bytes, not at least 40"},
      {"narrow_stride", "failed: breaks the plugin contract: its components are 16 bytes apart, not at least 56"},
      {"other_count", "failed: breaks the plugin contract: it has 1000 components, its note lists 1"},
      {"other_name", "failed: breaks the plugin contract: component 1 is not the 'fixtures.losses.Plain' of its note"},
      {"other_kind_version",
       "failed: breaks the plugin contract: fixtures.losses.Plain is for version 2 of the loss interface, its note "
       "says 1"},
      {"other_note", "failed: breaks the plugin contract: its descriptor and its note disagree"},
      {"no_knobs", "failed: fixtures.losses.Plain does not describe its knobs"},
      {"operators",
       "failed: registers operators with LibTorch (TORCH_LIBRARY), which aborts the process when two plugins do"},
      {"throws_at_load", "blocked: crashed (SIGABRT) when it was opened"},
      {"crashes_at_load", "blocked: crashed (SIGABRT) when it was opened"},
      {"exits_at_load", "blocked: ended the process (exit status 0) when it was opened"},
      {"hangs_at_load", "blocked: hung for 5 s when it was opened"},
  };
  std::vector<std::string> files;
  for (const auto& [name, words] : expected) files.push_back(fixture(name));
  const auto seen = probe(command_file(), files, {.silence = 5s});
  REQUIRE(seen.size() == expected.size());
  for (size_t i = 0; i < seen.size(); ++i) {
    INFO(expected[i].first);
    CHECK(verdict(seen[i]) == expected[i].second);
  }
}

TEST_CASE("a second plugin that registers the same operator does no harm to this process") {
  const Folder folder;
  fs::copy(fixture("operators"), folder / "again");
  const auto seen = probe(command_file(), {fixture("operators"), folder / "again", plain_plugin}, {.silence = 5s});
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].verdict == Verdict::failed);
  CHECK(verdict(seen[1]) == "blocked: crashed (SIGABRT) when it was opened");
  CHECK(seen[2].verdict == Verdict::good);
}

TEST_CASE("a plugin that crashes when opened is blocked until it changes, and never mapped here") {
  const Folder folder;
  const auto file = folder / "a.plexiform.so", cache = folder / "cache.json";
  fs::copy(fixture("crashes_at_load"), file);
  const auto refusal = [&] {
    auto catalogue = Catalogue::discover({{}, {folder.path.string()}}, Cache(cache));
    try {
      create_loss(catalogue, "fixtures.losses.Plain", Json::object(), {});
    } catch (const Error& e) {
      return e.where() + " | " + e.problem();
    }
    return std::string();
  };
  CHECK(refusal() == file + " | crashed (SIGABRT) when it was opened");
  CHECK_FALSE(is_mapped(file));
  CHECK(Catalogue::discover({{}, {folder.path.string()}}, Cache(cache)).files()[0].status() == Status::blocked);
  CHECK(refusal() == file + " | crashed (SIGABRT) when it was opened");

  fs::rename(copy_with_note(plain_plugin, folder / "new", [](auto&) {}), file);
  CHECK(Catalogue::discover({{}, {folder.path.string()}}, Cache(cache)).files()[0].status() == Status::fresh);
  CHECK(refusal() == "weight | is never right");  // the plugin's own words: it is loaded
  CHECK(is_mapped(file));
}

TEST_CASE("a plugin that could not be opened is tried again when it is asked for") {
  const Folder folder;
  const auto cache = folder / "cache.json", file = folder / "a.plexiform.so";
  fs::copy(plain_plugin, file);
  {
    Cache earlier(cache);  // a library was missing then
    const File now(file);
    earlier.put(file, now.stamp(), now.sha256(),
                {Verdict::failed, {"cannot be loaded: libx.so is missing", "install it"}, {}});
    REQUIRE(earlier.save());
  }
  auto catalogue = Catalogue::discover({{}, {folder.path.string()}}, Cache(cache));
  CHECK(catalogue.files()[0].status() == Status::refused);
  CHECK(list_knobs(catalogue, "fixtures.losses.Plain", "loss").size() == 1);
  CHECK(Catalogue::discover({{}, {folder.path.string()}}, Cache(cache)).files()[0].status() == Status::ok);
}

TEST_CASE("what a file holds is remembered by its content, wherever it lies") {
  const Folder folder, elsewhere;
  const auto cache = folder / "cache.json";
  fs::copy(fixture("hangs_at_load"), folder / "a.plexiform.so");
  {
    Cache earlier(cache);
    const File now(folder / "a.plexiform.so");
    earlier.put(now.path(), now.stamp(), now.sha256(), {Verdict::blocked, {"hung", "repair it"}, {}});
    REQUIRE(earlier.save());
  }
  fs::copy(fixture("hangs_at_load"), elsewhere / "b.plexiform.so");
  auto catalogue = Catalogue::discover({{}, {elsewhere.path.string()}}, Cache(cache));
  CHECK(catalogue.files()[0].status() == Status::fresh);
  const auto start = std::chrono::steady_clock::now();
  catalogue.open_new_files();
  CHECK(std::chrono::steady_clock::now() - start < 4s);  // it was not opened again: that takes 5 s
  CHECK(catalogue.files()[0].status() == Status::blocked);
}

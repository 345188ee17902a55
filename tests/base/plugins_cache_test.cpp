#include <plugins/cache.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "../environment.h"
#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;
namespace fs = std::filesystem;

namespace {

const Json described = {{{"kind", "core"}, {"name", "a.Core"}, {"knobs", {{{"name", "kernel"}, {"type", "integer"}}}}}};

struct Fixture {
  Folder folder;
  std::string file = folder / "cache/plugins.json", plugin = folder / "a.plexiform.so";
  Fixture() { write(plugin, "some bytes"); }
  Stamp stamp() const { return File(plugin).stamp(); }
  // What a new process would know.
  const Seen* known(Cache& cache) const {
    cache = Cache(file);
    return cache.find(plugin, stamp());
  }
};

}  // namespace

TEST_CASE("what opening a file showed is remembered until the file changes") {
  const Fixture f;
  Cache cache(f.file);
  CHECK(cache.find(f.plugin, f.stamp()) == nullptr);
  cache.put(f.plugin, f.stamp(), "abc", {Verdict::good, {}, described});
  REQUIRE(cache.save());

  Cache later("");
  const Seen* seen = f.known(later);
  REQUIRE(seen);
  CHECK(seen->verdict == Verdict::good);
  CHECK(seen->components == described);
  CHECK(later.sha256(f.plugin, f.stamp()) == "abc");

  write(f.plugin, "other bytes");
  CHECK(later.find(f.plugin, f.stamp()) == nullptr);
  CHECK(later.sha256(f.plugin, f.stamp()) == "");
}

TEST_CASE("the same content is known wherever it lies") {
  const Fixture f;
  Cache cache(f.file);
  cache.put(f.plugin, f.stamp(), "abc", {Verdict::blocked, {"crashed (SIGSEGV)", "repair it"}, {}});
  const Seen* seen = cache.find_content("abc");
  REQUIRE(seen);
  CHECK(seen->verdict == Verdict::blocked);
  CHECK(seen->problem.problem == "crashed (SIGSEGV)");
  CHECK(cache.find_content("abd") == nullptr);
}

TEST_CASE("the cache is for its user alone") {
  const Fixture f;
  Cache cache(f.file);
  cache.put(f.plugin, f.stamp(), "abc", {});
  REQUIRE(cache.save());
  struct stat s;
  REQUIRE(stat(f.file.c_str(), &s) == 0);
  CHECK((s.st_mode & 07777) == 0600);
}

TEST_CASE("a damaged cache is an empty one, and is written anew") {
  const Fixture f;
  Cache cache(f.file);
  cache.put(f.plugin, f.stamp(), "abc", {Verdict::good, {}, described});
  REQUIRE(cache.save());
  const std::string whole = content(f.file);
  std::vector<std::string> damaged = {
      "", "\0\0\0", "[]", "{}", "null", R"({"format": 1, "files": {"x": 3}})", R"({"format": 99, "files": {}})"};
  for (size_t size = 1; size + 2 < whole.size(); size += 7) damaged.push_back(whole.substr(0, size));
  for (const char* word : {"good", "stamp", "components", "\"knobs\"", "\"kind\"", "sha256"}) {
    std::string bytes = whole;
    bytes.replace(bytes.find(word), std::strlen(word), std::string(std::strlen(word), '7'));
    damaged.push_back(bytes);
  }
  for (const auto& bytes : damaged) {
    INFO(bytes);
    write(f.file, bytes);
    Cache again("");
    CHECK(f.known(again) == nullptr);
    again.put(f.plugin, f.stamp(), "abc", {Verdict::good, {}, described});
    CHECK(again.save());
    CHECK(content(f.file) == whole);
  }
}

TEST_CASE("a cache that cannot be written is done without") {
  const Fixture f;
  write(f.folder / "file", "");
  Cache below_a_file(f.folder / "file/plugins.json");
  below_a_file.put(f.plugin, f.stamp(), "abc", {});
  CHECK_FALSE(below_a_file.save());
  CHECK(below_a_file.find(f.plugin, f.stamp()) != nullptr);
  Cache nowhere("");
  nowhere.put(f.plugin, f.stamp(), "abc", {});
  CHECK_FALSE(nowhere.save());
  fs::create_directories(f.file);  // a folder where the file should be
  Cache taken(f.file);
  taken.put(f.plugin, f.stamp(), "abc", {});
  CHECK_FALSE(taken.save());
}

TEST_CASE("what another process learnt meanwhile is kept, what is known of vanished files is not") {
  const Fixture f;
  const std::string other = f.folder / "b.plexiform.so", gone = f.folder / "c.plexiform.so";
  write(other, "other");
  write(gone, "gone");
  Cache mine(f.file), theirs(f.file);
  mine.put(f.plugin, f.stamp(), "abc", {});
  theirs.put(other, File(other).stamp(), "def", {});
  theirs.put(gone, File(gone).stamp(), "ghi", {});
  REQUIRE(theirs.save());
  fs::remove(gone);
  REQUIRE(mine.save());
  Cache later(f.file);
  CHECK(later.find(f.plugin, f.stamp()) != nullptr);
  CHECK(later.find_content("def") != nullptr);
  CHECK(later.find_content("ghi") == nullptr);
}

TEST_CASE("the cache lies where XDG says, one file per host") {
  const Environment xdg("XDG_CACHE_HOME", "/cache");
  CHECK(Cache::default_file() == "/cache/plexiform/plugins-" PLEXIFORM_VERSION "-torch" + this_host().torch_version +
                                     "-" + this_host().platform + ".json");
  const Environment relative("XDG_CACHE_HOME", "cache"), home("HOME", "/home/ada");
  CHECK(Cache::default_file().starts_with("/home/ada/.cache/plexiform/"));
  const Environment homeless("HOME", "");
  CHECK(Cache::default_file() == "");
}

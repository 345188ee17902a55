// How the host judges the child process that opens new plugins; shell scripts stand in for it.
#include <plexiform/error.h>
#include <plugins/probe.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include "../plugin_files.h"

using namespace plexiform;
using namespace plexiform::plugins;
using namespace std::chrono_literals;

namespace {

// A child that does, for each file, what the file's name says.
const std::string obedient = R"(#!/bin/sh
shift
echo '{"ready": true}'
for file in "$@"; do
  echo "{\"begin\": \"$file\"}"
  case $file in
    good) echo "{\"end\": \"$file\", \"components\": []}" ;;
    failed) echo "{\"end\": \"$file\", \"problem\": \"undefined symbol: f\", \"fix\": \"rebuild\"}" ;;
    crash) kill -SEGV $$ ;;
    exit) exit 0 ;;
    term) kill -TERM $$ ;;
    strange) echo "{\"end\": \"$file\", \"components\": [{\"kind\": \"core\", \"name\": \"x\", \"knobs\": [3]}]}" ;;
    hang) exec sleep 100 ;;
    garbage) echo "not a line of ours" ;;
    closes) exec >&- ; exec sleep 100 ;;
  esac
done
echo '{"done": 1}'
)";

struct Script {
  Folder folder;
  std::string file = folder / "child";
  explicit Script(const std::string& text) {
    write(file, text);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::vector<Seen> probe(const std::vector<std::string>& files, std::chrono::milliseconds start = 20s) const {
    return plugins::probe(file, files, {.silence = 1s, .start = start});
  }
};

std::string verdicts(const std::vector<Seen>& all) {
  std::string text;
  for (const auto& seen : all) {
    text += seen.verdict == Verdict::good ? "g" : seen.verdict == Verdict::failed ? "f" : "b";
  }
  return text;
}

}  // namespace

TEST_CASE("a file that ends the child is blocked, and the rest goes on in another") {
  const Script child(obedient);
  const auto seen =
      child.probe({"good", "crash", "good", "hang", "failed", "exit", "good", "garbage", "closes", "good"});
  REQUIRE(verdicts(seen) == "gbgbfbgbbg");
  CHECK(seen[1].problem.problem == "crashed (SIGSEGV) when it was opened");
  CHECK(seen[3].problem.problem == "hung for 1 s when it was opened");
  CHECK(seen[4].problem.problem == "undefined symbol: f");
  CHECK(seen[5].problem.problem == "ended the process (exit status 0) when it was opened");
}

TEST_CASE("a child that is interrupted from outside is not the file's fault, and worth another try") {
  const Script child(obedient);
  const auto seen = child.probe({"term", "good"});
  REQUIRE(verdicts(seen) == "fg");
  CHECK(seen[0].problem.problem == "opening it was interrupted (SIGTERM)");
}

TEST_CASE("knobs that are described wrongly do not reach the host") {
  const auto seen = Script(obedient).probe({"strange"});
  REQUIRE(verdicts(seen) == "f");
  CHECK(seen[0].problem.problem == "does not describe its knobs as it should");
}

TEST_CASE("a child that ends after its last file without its closing line is not believed") {
  const Script child(R"(#!/bin/sh
echo '{"ready": true}'
echo '{"begin": "a"}'
echo '{"end": "a", "components": []}'
)");
  CHECK(verdicts(child.probe({"a"})) == "b");
}

TEST_CASE("no file, no child") { CHECK(probe("/does/not/exist", {}).empty()); }

TEST_CASE("a child that never becomes ready is the installation's fault, not a plugin's") {
  const Script silent("#!/bin/sh\nexec sleep 100\n"), failing("#!/bin/sh\nexit 3\n");
  const auto message = [](const Script& child, const std::string& why) -> std::string {
    return Error(child.file, "cannot open plugins: it " + why, "run `" + child.file + " --probe-plugins` to see why")
        .what();
  };
  CHECK_THROWS_WITH(silent.probe({"a"}, 500ms), message(silent, "does not answer"));
  CHECK_THROWS_WITH(failing.probe({"a"}), message(failing, "ended the process (exit status 3)"));
  CHECK_THROWS_WITH(
      probe("/does/not/exist", {"a"}),
      Error("/does/not/exist", "cannot be started: No such file or directory", "check that it can be executed").what());
}

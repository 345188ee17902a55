// `plexiform plugins`, run as a user would.
#include <plugins/file.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "../desk.h"
#include "../plugin_files.h"
#include "../sanitized.h"

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

Json json(const Desk& desk, const std::vector<std::string>& arguments) {
  return Json::parse(desk.plugins(arguments).output);
}

// The first line of `text` that holds `part`.
std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

// Processor time of the processes that were waited for: unlike wall time, the same on a busy machine.
double child_seconds() {
  rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

Json with(const Json& list, const char* key, const std::string& value) {
  for (const auto& item : list) {
    if (item.value(key, "") == value) return item;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("plugins list shows every component with its plugin, status and file") {
  const Desk desk;
  const auto mistakes = desk.add("mistakes"), crashing = desk.add("crashes_at_load");
  const auto listed = [&](bool probe) {
    std::vector<std::string> arguments = {"list", "--plugin-path", desk.folder / "plugins"};
    if (probe) arguments.push_back("--probe");
    return desk.plugins(arguments);
  };
  auto ran = listed(false);
  CHECK(ran.code == 0);
  CHECK(ran.output.find("fixture_mistakes " PLEXIFORM_VERSION) != std::string::npos);
  CHECK(ran.output.find("  or elsewhere.Wide\n") != std::string::npos);
  CHECK(line_with(ran.output, mistakes).find(" new ") != std::string::npos);
  CHECK(ran.output.find("new: fits this host; opened in a child process before it is first used") != std::string::npos);

  ran = listed(true);
  CHECK(ran.code == 0);
  CHECK(line_with(ran.output, mistakes).find(" ok ") != std::string::npos);
  CHECK(line_with(ran.output, crashing).find(" blocked ") != std::string::npos);
  CHECK(ran.output.find(
            "\nblocked: " + crashing +
            "\n    crashed (SIGABRT) when it was opened\n      fix: repair or remove it; it is tried again when it "
            "changes\n") != std::string::npos);
  CHECK(listed(false).output == ran.output);  // remembered
}

TEST_CASE("plugins list --json says the same to programs") {
  const Desk desk;
  const auto file = desk.add("mistakes");
  write(desk.folder / "plugins/text.plexiform.so", "text");
  const auto list = json(desk, {"list", "--json", "--plugin-path", desk.folder / "plugins"});
  CHECK(with(list["components"], "name", "fixtures.losses.Mistakes") ==
        Json{{"kind", "loss"},
             {"name", "fixtures.losses.Mistakes"},
             {"aliases", {"elsewhere.Wide"}},
             {"plugin", "fixture_mistakes"},
             {"version", PLEXIFORM_VERSION},
             {"status", "new"},
             {"file", file},
             {"summary", "throws what it is asked to"}});
  const auto refused = with(list["files"], "file", desk.folder / "plugins/text.plexiform.so");
  CHECK(refused["status"] == "refused");
  CHECK(refused["problems"] == Json::array({{{"problem", "is not a shared library (no ELF header)"},
                                             {"fix", "build it with plexiform_add_plugin"}}}));
  CHECK(list["folders"][0] == desk.folder / "plugins");
}

TEST_CASE("plugins inspect shows a component's knobs") {
  const Desk desk;
  const auto file = desk.add("mistakes");
  const auto by_name = desk.plugins({"inspect", "elsewhere.Wide", "--plugin", file});
  CHECK(by_name.code == 0);
  CHECK(
      by_name.output.starts_with("elsewhere.Wide: throws what it is asked to\n  kind     loss\n"
                                 "  alias of fixtures.losses.Mistakes\n  file     " +
                                 file + "\n"));
  CHECK(by_name.output.find("  sha256   " + plexiform::plugins::File(file).sha256() + "\n") != std::string::npos);
  CHECK(by_name.output.ends_with(R"(
  KNOB    TYPE     DEFAULT    RANGE                                             UNIT  MEANING
  throws  text     "nothing"  nothing, error, check, bad_alloc, exception, int        what the constructor throws
  width   integer  9          1 to 9 in steps of 2                              px    of nothing
)"));

  const auto by_json = json(desk, {"inspect", "fixtures.losses.Mistakes", "--json", "--plugin", file});
  CHECK_FALSE(by_json.contains("alias_of"));
  CHECK(by_json["knobs"][1]["default"] == 3);

  const auto by_file = json(desk, {"inspect", file, "--json"});
  CHECK(by_file["plugin"] == "fixture_mistakes");
  CHECK(by_file["components"].size() == 2);
  CHECK(by_file["components"][1]["knobs"][1]["default"] == 9);
}

TEST_CASE("plugins list and doctor say which parts of PLEXIFORM_PLUGIN_PATH are of no use") {
  const Desk desk;
  write(desk.folder / "file", "text");
  const Environment path("PLEXIFORM_PLUGIN_PATH", "plugins:" + desk.folder / "plugins" + ":" + desk.folder / "none" +
                                                      "::" + desk.folder / "file");
  for (const std::string command : {"list", "doctor"}) {
    const auto ran = desk.plugins({command});
    INFO(ran.output);
    CHECK(ran.code == 0);
    CHECK(ran.output.find("PLEXIFORM_PLUGIN_PATH: plugins is passed over: it is no absolute path\n    fix: write " +
                          fs::absolute("plugins").string() + "\n") != std::string::npos);
    CHECK(ran.output.find("PLEXIFORM_PLUGIN_PATH: " + desk.folder / "none" +
                          " is not there\n    fix: make that folder, or take it out of the variable\n") !=
          std::string::npos);
    CHECK(ran.output.find("PLEXIFORM_PLUGIN_PATH: " + desk.folder / "file" + " is no folder\n") != std::string::npos);
    CHECK(ran.output.find(desk.folder / "plugins" + " is") == std::string::npos);
  }
  const auto warnings = json(desk, {"list", "--json"})["warnings"];
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[1]["problem"] == "PLEXIFORM_PLUGIN_PATH: " + desk.folder / "none" + " is not there");
}

TEST_CASE(
    "plugins inspect and check take the name of a plugin, and a component's name in another spelling is suggested") {
  const Desk desk;
  const auto file = desk.add("mistakes");
  const auto by_id = desk.plugins({"inspect", "fixture_mistakes", "--plugin", file});
  CHECK(by_id.code == 0);
  CHECK(by_id.output == desk.plugins({"inspect", file}).output);
  CHECK(by_id.output.find("\nfixtures.losses.Mistakes: throws what it is asked to\n") != std::string::npos);
  const auto suggested = desk.plugins({"inspect", "mis_takes", "--plugin", file});
  CHECK(suggested.code == 1);
  CHECK(suggested.output == "no component is named 'mis_takes'\n  fix: did you mean 'fixtures.losses.Mistakes'?\n");
  const auto checked = desk.plugins({"check", "fixture_mistakes", "--plugin", file, "--json"});
  const auto report = Json::parse(checked.output);
  CHECK(report["file"] == file);
  CHECK(report["components"].size() == 2);
}

TEST_CASE("an empty file or folder name is refused with the flag that gave it") {
  const Desk desk;
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"plugins", "list"}, {"train", "--config-name=quickstart"}}) {
    auto with = [&](const std::string& flag) {
      auto words = command;
      words.insert(words.end(), {flag, ""});
      const auto ran = desk.run(words);
      CHECK(ran.code == 1);
      return ran.output;
    };
    CHECK(with("--plugin") == "--plugin: names no file\n  fix: write --plugin build/my_core.plexiform.so\n");
    CHECK(with("--plugin-path") == "--plugin-path: names no folder\n  fix: name the folder that holds the plugins\n");
  }
}

TEST_CASE("plugins inspect of a bad file says why it is refused, and fails") {
  const Desk desk;
  const auto crashing = desk.plugins({"inspect", desk.add("crashes_at_load")});
  CHECK(crashing.code == 1);
  CHECK(crashing.output.find("status   blocked\n    crashed (SIGABRT) when it was opened\n") != std::string::npos);
  const auto program = desk.plugins({"inspect", PLEXIFORM_COMMAND});
  CHECK(program.code == 1);
  CHECK(program.output == "  file     " PLEXIFORM_COMMAND
                          "\n  status   refused\n    is a program, not a shared library\n"
                          "      fix: build it with plexiform_add_plugin\n");
  CHECK(desk.plugins({"inspect", "/not/there.so", "--json"}).code == 1);
}

TEST_CASE("wrong arguments are answered with the remedy") {
  const Desk desk;
  const auto file = desk.add("mistakes");
  const auto unknown = desk.plugins({"inspect", "fixtures.losses.Mistake", "--plugin", file});
  CHECK(unknown.code == 1);
  CHECK(unknown.output ==
        "no component is named 'fixtures.losses.Mistake'\n  fix: did you mean 'fixtures.losses.Mistakes'?\n");
  CHECK(desk.plugins({"lits"}).code == 2);
  CHECK(desk.plugins({}).code == 2);
  CHECK(desk.plugins({"inspect"}).code == 2);
  CHECK(desk.plugins({"list", "--plugin-path", "/not/there"}).code == 1);
  CHECK(desk.plugins({"list", "--help"}).code == 0);
}

TEST_CASE("200 plugins are listed in under 100 ms once they are known") {
  const Desk desk;
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i) + "net";
    plugin_of(desk.folder / ("plugins/" + name + ".plexiform.so"), name, listed("loss", "fixtures.losses.Plain"));
  }
  const std::vector<std::string> arguments = {"list", "--json", "--plugin-path", desk.folder / "plugins"};
  auto probe = arguments;
  probe.push_back("--probe");
  REQUIRE(desk.plugins(probe).code == 0);
  double best = 1;
  for (int i = 0; i < 5; ++i) {
    const double before = child_seconds();
    REQUIRE(desk.plugins(arguments).code == 0);
    best = std::min(best, child_seconds() - before);
  }
  const auto list = json(desk, arguments);
  CHECK(list["files"].size() >= 200);
  CHECK(list["files"][0]["status"] == "ok");
  CHECK(best < slower * 0.1);
}

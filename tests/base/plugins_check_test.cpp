// `plexiform plugins check` and `plugins doctor`, run as a user would.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "../command.h"
#include "../environment.h"
#include "../plugin_files.h"

using Json = nlohmann::ordered_json;

namespace {

const std::string faults = FIXTURE_DIR "/fixture_faults.plexiform.so";

Ran plugins(const Folder& folder, std::vector<std::string> arguments) {
  const Environment cache("XDG_CACHE_HOME", folder / "cache"), data("XDG_DATA_HOME", folder / "data"),
      path("PLEXIFORM_PLUGIN_PATH", "");
  arguments.insert(arguments.begin(), "plugins");
  return run(arguments, folder / "output");
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The entry of that check in a JSON report.
Json entry(const Json& report, const std::string& check) {
  for (const auto& one : report["components"][0]["checks"]) {
    if (one["check"] == check) return one;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("plugins check of a sound component says ok for each check") {
  const Folder folder;
  const auto ran = plugins(folder, {"check", faults, "--component", "fixtures.cores.Faulty"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with("fixture_faults " PLEXIFORM_VERSION ": " + faults + "\n  ok       opens\n"));
  CHECK(has(ran.output,
            "\nfixtures.cores.Faulty (core): stimulus (C 2, T 10, H 12, W 11), default knobs, seed 7\n"
            "  ok       knobs described\n"));
  CHECK(has(ran.output, "  ok       streaming\n"));
  CHECK_FALSE(has(ran.output, "FAILED"));
}

TEST_CASE("plugins check of a faulty component says what was expected, what was seen and where to look") {
  const Folder folder;
  const auto ran =
      plugins(folder, {"check", "fixtures.losses.Faulty", "--plugin", faults, "--set", "fault=sum_as_mean"});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(has(ran.output, "knobs {\"fault\":\"sum_as_mean\"}, seed 7"));
  CHECK(has(ran.output, "\n  FAILED   reduction "));
  CHECK(has(ran.output, "1 FAILED\n\nfixtures.losses.Faulty: reduction\n  expected  a mean does not change with"));
  CHECK(has(ran.output, "\n  seen      declared a mean, but the same batch twice turns the loss from "));
  CHECK(has(ran.output, "\n  look at   plexiform/loss.h, Loss::reduction\n"));
}

TEST_CASE("plugins check --json goes on after crashes, and gives up after three hangs") {
  const Folder folder;
  const auto report = [&](const char* fault) {
    const auto ran = plugins(folder, {"check", faults, "--component", "fixtures.cores.Faulty", "--stimulus", "1,6,5,4",
                                      "--set", std::string("fault=") + fault, "--time-limit", "1", "--json"});
    CHECK(ran.code == 1);
    return Json::parse(ran.output);
  };
  const auto crashing = report("segfaults");
  CHECK(crashing["good"] == false);
  CHECK(crashing["components"][0]["input"] == Json{1, 6, 5, 4});
  CHECK(entry(crashing, "finite output")["status"] == "failed");
  CHECK(entry(crashing, "finite output")["seen"] == "it crashed (SIGSEGV)");
  CHECK(entry(crashing, "finite output")["look_at"] == "plexiform/component.h, Values");
  CHECK(entry(crashing, "range")["status"] == "passed");  // does not call forward
  CHECK(entry(crashing, "pictures")["status"] == "passed");

  const auto hanging = report("hangs");
  CHECK(entry(hanging, "output shape")["seen"] ==
        "did not finish in 1 s; if it is slow and not stuck, raise --time-limit to 5");
  CHECK(entry(hanging, "learns")["status"] == "not run");
  CHECK(entry(hanging, "learns")["seen"] == "three checks did not finish in time");
}

TEST_CASE("plugins check of a file that cannot be opened reports that, and nothing else") {
  const Folder folder;
  const auto ran = plugins(folder, {"check", FIXTURE_DIR "/fixture_exits_at_load.plexiform.so"});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(has(ran.output, "  FAILED   opens                     it ended the process (exit status 0)\n"));
  CHECK_FALSE(has(ran.output, "knobs described"));

  const auto refused = plugins(folder, {"check", PLEXIFORM_COMMAND});
  CHECK(refused.code == 1);
  CHECK(refused.output == PLEXIFORM_COMMAND
        ": is a program, not a shared library\n  fix: build it with plexiform_add_plugin\n");
  const auto for_programs = plugins(folder, {"check", PLEXIFORM_COMMAND, "--json"});
  CHECK(for_programs.code == 1);
  CHECK(Json::parse(for_programs.output) ==
        Json{{"file", PLEXIFORM_COMMAND},
             {"good", false},
             {"problems", Json::array({{{"problem", "is a program, not a shared library"},
                                        {"fix", "build it with plexiform_add_plugin"}}})}});
  const auto unknown = Json::parse(plugins(folder, {"check", "no.such.Core", "--json"}).output);
  CHECK(unknown["problems"][0]["problem"] == "no component is named 'no.such.Core'");
}

TEST_CASE("plugins check of a file that does something when it is opened says what") {
  const Folder folder;
  const std::vector<std::array<std::string, 3>> files = {
      {"prints_at_load", "opening is silent", "it prints \""},
      {"thread_at_load", "opening changes nothing", "the number of threads went from "},
      {"operators", "no operators", "registers operators"},
      {"other_entry", "exports", "0 symbols: "},
  };
  for (const auto& [name, check, seen] : files) {
    const auto ran = plugins(folder, {"check", FIXTURE_DIR "/fixture_" + name + ".plexiform.so", "--json"});
    INFO(name << ": " << ran.output);
    CHECK(ran.code == 1);
    bool found = false;
    const Json report = Json::parse(ran.output);
    for (const auto& one : report.at("checks")) {
      if (one.at("check") != check) continue;
      found = true;
      CHECK(one.at("status") == "failed");
      CHECK(has(one.at("seen"), seen));
    }
    CHECK(found);
  }
}

TEST_CASE("plugins check says which setting a component needs") {
  const Folder folder;
  const auto ran =
      plugins(folder, {"check", faults, "--component", "fixtures.cores.Faulty", "--knobs", "{features: 9}"});
  CHECK(ran.code == 1);
  CHECK(has(ran.output,
            "\n  seen      features: is 9\n  fix: use 1 to 5 (maps); for this check, give --knobs that suit it, or "
            "a --stimulus C,T,H,W that it can take\n"));
}

TEST_CASE("wrong arguments of plugins check are usage errors") {
  const Folder folder;
  CHECK(plugins(folder, {"check"}).code == 2);
  CHECK(plugins(folder, {"check", faults, "--stimulus", "1,2"}).code == 2);
  CHECK(plugins(folder, {"check", faults, "--knobs", "[1]"}).code == 2);
  CHECK(plugins(folder, {"check", faults, "--time-limit", "-1"}).code == 2);
  const auto unknown = plugins(folder, {"check", faults, "--component", "fixtures.cores.Fault"});
  CHECK(unknown.code == 1);
  CHECK(unknown.output ==
        faults + ": has no component 'fixtures.cores.Fault'\n  fix: did you mean 'fixtures.cores.Faulty'?\n");
}

TEST_CASE("plugins doctor shows LibTorch, the search path and each file's verdict") {
  const Folder folder;
  std::filesystem::create_directory(folder / "plugins");
  std::filesystem::copy(plain_plugin, folder / "plugins/plain.plexiform.so");
  write(folder / "plugins/text.plexiform.so", "text");
  write(folder / "plugins/other.so", "text");
  const auto ran = plugins(folder, {"doctor", "--plugin-path", folder / "plugins"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with("Plexiform   " PLEXIFORM_VERSION ", plugin ABI "));
  CHECK(has(ran.output, "libtorch_cpu.so\n"));
  CHECK(has(ran.output, "\n  2 plugins       " + folder / "plugins"));
  CHECK(has(ran.output, "  ok        fixture_plain " PLEXIFORM_VERSION));
  CHECK(has(ran.output, "text.plexiform.so: is not a shared library (no ELF header)\n    fix: build it with"));
  CHECK(has(ran.output, "other.so: is passed over, its name does not end in .plexiform.so\n    fix: "));

  const auto json = Json::parse(plugins(folder, {"doctor", "--json", "--plugin-path", folder / "plugins"}).output);
  CHECK(json["host"]["version"] == PLEXIFORM_VERSION);
  CHECK_FALSE(json["libtorch"]["blas"].get<std::string>().empty());
  CHECK(json["hdf5"]["version"].get<std::string>().starts_with("1."));
}

TEST_CASE("plugins doctor still answers when the host library cannot be loaded") {
  const Folder folder;
  std::filesystem::create_directories(folder / "copy/bin");
  std::filesystem::create_directories(folder / "copy/lib");
  std::filesystem::copy(PLEXIFORM_COMMAND, folder / "copy/bin/plexiform");
  const auto doctor = [&] {
    const std::string command = "HOME=" + folder / "home" + " " + folder / "copy/bin/plexiform" + " plugins doctor > " +
                                folder / "output" + " 2>&1";
    const int status = std::system(command.c_str());
    return Ran{WEXITSTATUS(status), content(folder / "output")};
  };
  auto ran = doctor();
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(has(ran.output, "LibTorch    CANNOT BE LOADED: is not there\n"));
  CHECK(has(ran.output, "\nsearch path\n"));
  CHECK(has(ran.output,
            "lib/libplexiform.so: is not there\n    fix: keep bin/plexiform and lib/libplexiform.so in one folder"));

  write(folder / "copy/lib/libplexiform.so", "text");
  ran = doctor();
  CHECK(ran.code == 1);
  CHECK(has(ran.output, "CANNOT BE LOADED: "));
  CHECK(has(ran.output, "fix: install what `ldd "));
}

// A plugin's file is replaced, pinned, or chosen by an override: what the next command makes of it.
#include <plugins/file.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <nlohmann/json.hpp>

#include "../plugin_files.h"
#include "../trainable.h"

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

std::string hash(const std::string& file) { return plexiform::plugins::File(file).sha256(); }

// The plugin of the fixtures' components, as another version: other bytes, the same code.
std::string version(const std::string& file, const char* number) {
  copy_with_note(FIXTURE_DIR "/fixture_components.plexiform.so", file + ".new",
                 [&](plexiform_note& note) { std::strcpy(note.plugin_version, number); });
  fs::rename(file + ".new", file);  // as an installer does
  return file;
}

std::string pin(const std::string& number, const std::string& file) {
  return "fixture_components " + number + " (SHA-256 " + hash(file) + ")";
}

}  // namespace

TEST_CASE("a run records the content of its plugins, and --locked holds another run to them") {
  const Desk desk;
  const auto one = version(desk.folder / "one.so", "1.0.0"), two = version(desk.folder / "two.so", "2.0.0");
  REQUIRE(desk.run(fixture_run(desk.folder / "run", {}, one)).code == 0);
  const std::string lock = desk.folder / "run/plugins.lock";
  CHECK(Json::parse(content(lock)) ==
        Json{{"format", "plexiform.plugins/1"},
             {"plugins", {{{"plugin", "fixture_components"}, {"version", "1.0.0"}, {"sha256", hash(one)}}}}});

  const auto same = desk.run(fixture_run(desk.folder / "same", {"--locked", lock}, one));
  INFO(same.output);
  CHECK(same.code == 0);

  const auto other = desk.run(fixture_run(desk.folder / "other", {"--locked", lock}, two));
  CHECK(other.code == 1);
  CHECK(other.output == two + ": is " + pin("2.0.0", two) + ", but " + lock + " pins " + pin("1.0.0", one) +
                            "\n  fix: bring back the pinned file, or leave --locked out\n");
  CHECK_FALSE(fs::exists(desk.folder / "other"));

  const auto evaluated = desk.run({"evaluate", desk.folder / "run", "--plugin", two, "--locked", lock});
  CHECK(evaluated.code == 1);
  CHECK_THAT(evaluated.output, ContainsSubstring("but " + lock + " pins "));

  CHECK(desk.run(fixture_run(desk.folder / "none", {"--locked", "/not/there"}, one)).code == 1);
}

TEST_CASE("a plugin that is not locked is not even opened") {
  const Desk desk;
  const std::string lock = desk.folder / "plugins.lock", bad = desk.folder / "bad.so";
  write(lock, R"({"format": "plexiform.plugins/1", "plugins": []})");
  // It would hang for 5 s.
  copy_with_note(FIXTURE_DIR "/fixture_hangs_at_load.plexiform.so", bad,
                 [](plexiform_note& note) { set_components(note, listed("core", "fixtures.cores.Scale")); });
  const auto ran = desk.run(fixture_run(desk.folder / "run", {"--locked", lock}, bad));
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output, ContainsSubstring("but " + lock + " does not list it"));
}

TEST_CASE("the next run uses the file that took a plugin's place, and says so once") {
  const Desk desk;
  const std::string file = desk.folder / "net.so";
  const std::string before = hash(version(file, "1.0.0"));
  CHECK(desk.run(fixture_run(desk.folder / "1", {"--dry-run"}, file)).code == 0);
  const std::string after = hash(version(file, "2.0.0"));
  desk.plugins({"inspect", file});  // has a look at it, and takes nothing away
  const std::string note =
      "note: " + file + " changed since the last run that used it: SHA-256 " + before + " then, " + after + " now\n";
  const auto second = desk.run(fixture_run(desk.folder / "2", {}, file));
  CHECK(second.code == 0);
  CHECK_THAT(second.output, ContainsSubstring(note));
  CHECK_THAT(content(desk.folder / "2/train.log"), ContainsSubstring(note));
  CHECK_THAT(content(desk.folder / "2/model/model.json"), ContainsSubstring(after));
  const auto third = desk.run(fixture_run(desk.folder / "3", {}, file));
  CHECK(third.code == 0);
  CHECK(third.output.find("changed since") == std::string::npos);
}

TEST_CASE("a run is resumed with another plugin only when that is accepted, and records it") {
  const Desk desk;
  const std::string file = desk.folder / "net.so", folder = desk.folder / "run";
  version(file, "1.0.0");
  const std::string old = pin("1.0.0", file);
  REQUIRE(desk.run(fixture_run(folder, {"trainer.max_epochs=1"}, file)).code == 0);
  version(file, "2.0.0");
  const std::string now = pin("2.0.0", file);
  std::vector<std::string> resume = {"train", "--resume", folder, "--plugin", file, "trainer.max_epochs=2"};

  const auto lock = content(folder + "/plugins.lock"), log = content(folder + "/train.log");
  const auto asked = desk.run(resume);
  CHECK(asked.code == 1);
  CHECK(asked.output == file + ": is " + now + ", but " + folder + "/plugins.lock pins " + old +
                            "\n  fix: bring back the file that the run used, or go on with this one: "
                            "--accept-plugin-change\n");
  CHECK(content(folder + "/plugins.lock") == lock);
  CHECK(content(folder + "/train.log") == log);

  resume.push_back("--accept-plugin-change");
  const auto accepted = desk.run(resume);
  INFO(accepted.output);
  CHECK(accepted.code == 0);
  CHECK_THAT(content(folder + "/train.log"),
             ContainsSubstring("note: the run goes on with " + now + "; before, it used " + old + "\n"));

  resume.pop_back();
  resume.back() = "trainer.max_epochs=3";
  CHECK(desk.run(resume).code == 0);  // it is the run's plugin now
}

TEST_CASE("the flags for locked plugins are refused where they mean nothing") {
  const Desk desk;
  const auto alone = desk.run(fixture_run(desk.folder / "run", {"--accept-plugin-change"}));
  CHECK(alone.code == 2);
  CHECK_THAT(alone.output, ContainsSubstring("--accept-plugin-change goes with --resume"));
  const auto both = desk.run({"train", "--resume", desk.folder / "run", "--locked", desk.folder / "lock"});
  CHECK(both.code == 2);
  CHECK_THAT(both.output, ContainsSubstring("--resume holds the run to its own plugins.lock"));
}

TEST_CASE("evaluating a model with another binary says so") {
  const Desk desk;
  const std::string file = desk.folder / "net.so";
  version(file, "1.0.0");
  const std::string old = pin("1.0.0", file);
  REQUIRE(desk.run(fixture_run(desk.folder / "run", {}, file)).code == 0);
  version(file, "2.0.0");
  const auto ran = desk.run({"evaluate", desk.folder / "run", "--plugin", file});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.output,
             ContainsSubstring("note: core fixtures.cores.Scale: its plugin is not what the model was trained "
                               "with: " +
                               old + " then, " + pin("2.0.0", file) + " now\n"));
}

TEST_CASE("a run is resumed and evaluated from anywhere, with the plugins and the data that it was given") {
  const Desk desk;
  const fs::path here = fs::current_path();
  fs::create_directory(desk.folder / "here");
  version(desk.folder / "here/net.so", "1.0.0");
  fs::create_symlink(small_recording(), desk.folder / "here/data");
  fs::current_path(desk.folder / "here");
  const auto ran = desk.run({"train", TEST_DATA "/fixtures.yaml", "--plugin", "net.so", "paths.data_dir=data",
                             "hydra.run.dir=run", "trainer.max_epochs=1"});
  fs::current_path(desk.folder.path);
  const auto resumed = desk.run({"train", "--resume", "here/run", "trainer.max_epochs=2"});
  const auto evaluated = desk.run({"evaluate", "here/run"});
  const auto elsewhere = desk.run({"evaluate", "here/run", "paths.data_dir=here/data"});
  const auto reproduced = desk.run({"reproduce", "here/run"});
  fs::current_path(here);
  INFO(ran.output << resumed.output << evaluated.output << elsewhere.output << reproduced.output);
  CHECK(ran.code == 0);
  CHECK(resumed.code == 0);
  CHECK(evaluated.code == 0);
  CHECK(elsewhere.code == 0);
  CHECK(content(desk.folder / "here/run/metrics.csv").find("\n1,") != std::string::npos);  // a second epoch
  // What it was resumed with is part of what made it.
  CHECK_THAT(content(desk.folder / "here/run/.hydra/config.yaml"), ContainsSubstring("max_epochs: 2"));
  CHECK(reproduced.code == 0);
  CHECK_THAT(reproduced.output, ContainsSubstring("trainer.max_epochs=1 trainer.max_epochs=2"));
}

TEST_CASE("two versions of one plugin work side by side, each where it is pinned") {
  const Desk desk;
  const auto one = version(desk.folder / "one.so", "1.0.0"), two = version(desk.folder / "two.so", "2.0.0");
  for (const auto& [core, readout] : {std::pair{"1.0.0", "2.0.0"}, {"2.0.0", "1.0.0"}}) {
    const std::string folder = desk.folder / core;
    const auto ran = desk.run(fixture_run(
        folder,
        {"--plugin", two, std::string("model.core._target_=fixture_components@") + core + ":fixtures.cores.Scale",
         std::string("model.readout._target_=fixture_components@") + readout + ":fixtures.readouts.Average"},
        one));
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    const Json components = Json::parse(content(folder + "/model/model.json")).at("components");
    CHECK(components.at(0).at("version") == core);
    CHECK(components.at(1).at("version") == readout);
    CHECK(components.at(2).at("version") == "1.0.0");  // not pinned: the first one found
    CHECK(Json::parse(content(folder + "/plugins.lock")).at("plugins").size() == 2);
  }
}

TEST_CASE("the config's plugins come after --plugin, and before --plugin-path") {
  const Desk desk;
  fs::create_directory(desk.folder / "path");
  const auto one = version(desk.folder / "one.so", "1.0.0"), two = version(desk.folder / "two.so", "2.0.0");
  version(desk.folder / "path/three.so", "3.0.0");
  const auto used = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"train", TEST_DATA "/fixtures.yaml", "--dry-run", "paths.data_dir=" + small_recording()});
    return desk.run(words);
  };
  const auto first = used({"--plugin", one, "+plugins=['" + two + "']"});
  CHECK_THAT(first.output, ContainsSubstring("(plugin fixture_components 1.0.0"));
  const auto second = used({"--plugin-path", desk.folder / "path", "+plugins=['" + two + "']"});
  CHECK_THAT(second.output, ContainsSubstring("(plugin fixture_components 2.0.0"));
  const auto refused = used({"+plugins=" + two});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.output, ContainsSubstring("plugins") && ContainsSubstring("list"));
}

TEST_CASE("any component is switched by one override") {
  const Desk desk;
  const auto two = version(desk.folder / "two.so", "2.0.0");
  const std::string pinned = "fixture_components@2.0.0:";
  for (const auto& [kind, target] :
       std::vector<std::pair<std::string, std::string>>{{"core", pinned + "fixtures.cores.Scale"},
                                                        {"readout", pinned + "fixtures.readouts.Average"},
                                                        {"loss", "fixtures.losses.Mistakes"},
                                                        {"evaluation_loss", pinned + "fixtures.losses.Square"}}) {
    const auto ran =
        desk.run(fixture_run(desk.folder / "run", {"--dry-run", "--plugin", two, "--plugin", mistakes_plugin,
                                                   "model." + kind + "._target_=" + target}));
    INFO(ran.output);
    CHECK(ran.code == 0);
    CHECK_THAT(ran.output, ContainsSubstring(target + "  (plugin "));
  }
}

TEST_CASE("a plugin that was compiled against a released SDK loads and trains") {
  const Desk desk;
  int releases = 0;
  for (const auto& entry : fs::directory_iterator(SOURCE_DIR "/tests/sdk/released")) {
    if (!entry.is_directory()) continue;
    ++releases;
    const std::string release = entry.path().filename();
    INFO(release);
    const auto ran =
        desk.run(fixture_run(desk.folder / release, {}, FIXTURE_DIR "/fixture_released_" + release + ".plexiform.so"));
    INFO(ran.output);
    CHECK(ran.code == 0);
    CHECK(fs::exists(desk.folder / (release + "/model/model.safetensors")));
  }
  CHECK(releases > 0);
}

// The zoo, second part: components that are loaded well and go wrong in training. The run ends with what they did, their
// name, their plugin's file and their place in the config; its last good checkpoint stays. `base_test "[zoo]" -s` prints
// the table.
#include <fmt/core.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <set>

#include "../trainable.h"

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string plugin = FIXTURE_DIR "/fixture_components.plexiform.so";

struct Fault {
  std::string name, says;
  int code = 1;
};

const std::vector<Fault> in_forward = {
    {"throws_in_forward", "fails in forward: past the end"},
    {"check_in_forward", "fails in forward: this check never holds"},
    {"int_in_forward", "fails in forward: an exception of unknown type"},
    {"throws_in_backward", "fails in backward: past the end"},
    {"throws_in_penalty", "fails in penalty: past the end"},
    {"wrong_shape", "fails in forward: returns ("},
    {"no_tensor", "fails in forward: returns no tensor"},
    {"writes_to_its_input", "fails in forward: writes to its input"},
    {"not_a_number", "the loss is nan; the first values that are not finite are those of"},
    {"asks_for_behaviour", "the data hold no pupil size"},
};
// These end the process: nothing can be done but say where.
const std::vector<Fault> ending = {
    {"crashes_in_forward", "plexiform: SIGSEGV in forward of", 128 + SIGSEGV},
    {"crashes_in_backward", "plexiform: SIGSEGV in backward of", 128 + SIGSEGV},
    {"overflows_the_stack", "plexiform: SIGSEGV in forward of", 128 + SIGSEGV},
    {"aborts_in_forward", "plexiform: SIGABRT in forward of", 128 + SIGABRT},
    {"exits_in_forward", "plexiform: exit() in forward of", 1},
};
// All of them in a core; in the others, those where another component could be blamed.
const std::set<std::string> in_each = {"throws_in_forward",   "throws_in_backward", "wrong_shape",
                                       "writes_to_its_input", "not_a_number",       "crashes_in_backward"};
const std::vector<std::pair<std::string, std::string>> components = {
    {"core", "fixtures.cores.Scale"}, {"readout", "fixtures.readouts.Average"}, {"loss", "fixtures.losses.Square"}};

std::string label(const std::string& name) {
  return name + " (plugin fixture_components " PLEXIFORM_VERSION ", " + plugin + ")";
}

}  // namespace

TEST_CASE("the fixtures' model trains when nothing goes wrong") {
  const Desk desk;
  const auto ran = desk.run(fixture_run(desk.folder / "run"));
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(fs::exists(desk.folder / "run/model/model.json"));
}

TEST_CASE("what goes wrong in a training step names the component, its file and its place, and leaves a checkpoint",
          "[zoo]") {
  const Desk desk;
  std::string table;
  for (const auto& [kind, name] : components) {
    for (const auto& faults : {in_forward, ending}) {
      for (const auto& fault : faults) {
        if (kind != "core" && !in_each.contains(fault.name)) continue;
        INFO(kind << " " << fault.name);
        const std::string folder = desk.folder / (kind + "_" + fault.name);
        const auto ran = desk.run(fixture_run(folder, {"+model." + kind + ".fault=" + fault.name}), {.seconds = 60});
        INFO(ran.output);
        CHECK(ran.code == fault.code);
        CHECK_THAT(ran.output, ContainsSubstring(fault.says));
        CHECK_THAT(ran.output, ContainsSubstring(label(name)));
        CHECK_THAT(ran.output, ContainsSubstring("\n  fix: "));
        CHECK(ran.output.find("terminate called") == std::string::npos);
        CHECK(ran.output.find("frame #") == std::string::npos);
        if (fault.code == 1 && fault.says.find("plexiform: ") == std::string::npos) {
          CHECK_THAT(ran.output, ContainsSubstring("/fixtures.yaml:"));
          CHECK_THAT(ran.output, ContainsSubstring("model." + kind + "._target_"));
          CHECK_THAT(ran.output,
                     ContainsSubstring("the last good checkpoint is " + folder + "/checkpoints/last.safetensors"));
        }
        CHECK(fs::exists(folder + "/checkpoints/last.safetensors"));
        table += fmt::format("{:8} {:20} {:3}  {}\n", kind, fault.name, ran.code, fault.says);
      }
    }
  }
  SUCCEED("\ncomponent, fault, exit code, sentence\n" + table);
}

TEST_CASE("a loss from which nothing would be learnt is told so", "[zoo]") {
  const Desk desk;
  const auto ran = desk.run(fixture_run(desk.folder / "run", {"+model.loss.fault=has_no_gradient"}));
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output, ContainsSubstring("fails in forward: returns a value without a gradient"));
}

TEST_CASE("a core that returns another type is told so", "[zoo]") {
  const Desk desk;
  const auto ran = desk.run(fixture_run(desk.folder / "run", {"+model.core.fault=other_dtype"}));
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output,
             ContainsSubstring(label("fixtures.cores.Scale") + " fails in forward: returns Double, not Float"));
}

TEST_CASE("a component that fails while it is built leaves no run folder", "[zoo]") {
  const Desk desk;
  for (const auto& [kind, name] : components) {
    INFO(kind);
    const auto thrown = desk.run(fixture_run(desk.folder / "run", {"+model." + kind + ".fault=throws_in_create"}));
    INFO(thrown.output);
    CHECK(thrown.code == 1);
    CHECK_THAT(thrown.output, ContainsSubstring("/fixtures.yaml:"));
    CHECK_THAT(thrown.output, ContainsSubstring("model." + kind + "._target_: this check never holds\n  fix: "));
    CHECK_FALSE(fs::exists(desk.folder / "run"));

    const auto crashed = desk.run(fixture_run(desk.folder / "run", {"+model." + kind + ".fault=crashes_in_create"}));
    INFO(crashed.output);
    CHECK(crashed.code == 128 + SIGSEGV);
    CHECK_THAT(crashed.output, ContainsSubstring("plexiform: SIGSEGV in create of " + label(name) + "\n  fix: "));
    CHECK_FALSE(fs::exists(desk.folder / "run"));
  }
}

TEST_CASE("a run that a component ended goes on from its checkpoint when that is mended", "[zoo]") {
  const Desk desk;
  const std::string folder = desk.folder / "run";
  REQUIRE(desk.run(fixture_run(folder, {"+model.core.fault=throws_in_backward"})).code == 1);
  const auto resumed = desk.run({"train", "--resume", folder, "--plugin", plugin, "model.core.fault=none"});
  INFO(resumed.output);
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.output, ContainsSubstring("resumed from " + folder + "/checkpoints/last.safetensors"));
}

// trainer.profiler: what is measured, and that measuring changes nothing.
#include <plexiform/host/experiment.h>
#include <simulation/retina.h>
#include <training/profile.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <sstream>

#include "../folder.h"

using namespace plexiform::host;
using plexiform::Error;

namespace {

// Two epochs of 8 batches of the fixtures' components, in `folder`/name.
struct Trainings {
  Trainings() {
    plexiform::simulation::write_retina(
        folder / "data", {.sessions = 1, .neurons = 3, .frames = 2000, .test_frames = 200, .repeats = 2});
  }
  std::string notes(const std::string& name, std::vector<std::string> more = {}) {
    struct Notes : Observer {
      std::string text;
      void note(const std::string& one) override { text += one + "\n"; }
    } observer;
    const std::string run = folder / name;
    more.insert(more.begin(), {"paths.data_dir=" + folder / "data", "paths.output_dir=" + run,
                               "dataloader.batch_size=2", "trainer.limit_train_batches=8"});
    Experiment({TEST_DATA "/fixtures.yaml", more, {}, run, {{FIXTURE_DIR "/fixture_components.plexiform.so"}}})
        .train(observer);
    return observer.text;
  }
  Folder folder;
};

struct Line {
  std::string times;
  double seconds = 0;
};

// The lines of the table, by part.
std::map<std::string, Line> lines(const std::string& table) {
  std::map<std::string, Line> parts;
  std::istringstream text(table);
  for (std::string line; std::getline(text, line);) {
    if (line.size() < 30 || line.starts_with("part")) continue;
    std::istringstream rest(line.substr(11));
    auto& part = parts[line.substr(0, line.find_last_not_of(' ', 10) + 1)];
    rest >> part.times >> part.seconds;
  }
  return parts;
}

}  // namespace

TEST_CASE("the simple profiler tells how often each part ran and adds up to the whole") {
  Trainings trainings;
  const std::string notes = trainings.notes("run", {"+trainer.profiler=simple"});
  const std::string table = content(trainings.folder / "run/profile.txt");
  INFO(table);
  CHECK(notes.find(table) != std::string::npos);
  auto parts = lines(table);
  for (const char* part : {"gather", "core", "readout", "backward", "optimizer", "metrics"}) {
    INFO(part);
    CHECK(parts[part].times == "16");
  }
  CHECK(parts["loss"].times == "16");
  CHECK(parts["penalty"].times == "48");    // of core, readout and loss
  CHECK(parts["validation"].times == "3");  // one before training
  CHECK(parts["checkpoint"].times == "3");
  double sum = 0;
  for (const auto& [name, part] : parts) sum += name == "training" ? 0 : part.seconds;
  CHECK(std::abs(sum - parts["training"].seconds) < 0.01);
}

TEST_CASE("a run that is profiled has the weights of one that is not") {
  Trainings trainings;
  trainings.notes("plain");
  trainings.notes("table", {"+trainer.profiler=simple"});
  trainings.notes("trace", {"+trainer.profiler=chrome"});
  const std::string weights = content(trainings.folder / "plain/model/model.safetensors");
  CHECK(!weights.empty());
  CHECK(content(trainings.folder / "table/model/model.safetensors") == weights);
  CHECK(content(trainings.folder / "trace/model/model.safetensors") == weights);
  CHECK(!std::filesystem::exists(trainings.folder / "plain/profile.txt"));
}

TEST_CASE("the trace is what Chrome reads: the operators of some batches, within their parts") {
  Trainings trainings;
  const std::string notes = trainings.notes(
      "run", {"+trainer.profiler={_target_: lightning.pytorch.profilers.PyTorchProfiler, wait: 2, active: 3}"});
  CHECK(notes.find("trace of 3 batches: ") != std::string::npos);
  const auto trace = Json::parse(content(trainings.folder / "run/trace.json"));
  std::map<std::string, int> counts;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.value("ph", "") == "X") ++counts[event.value("name", "")];
  }
  for (const char* part : {"gather", "core", "readout", "backward", "optimizer"}) {
    INFO(part);
    CHECK(counts[part] == 3);
  }
  CHECK(std::any_of(counts.begin(), counts.end(), [](const auto& one) { return one.first.starts_with("aten::"); }));
}

TEST_CASE("a training that ends before the trace begins says so") {
  Trainings trainings;
  CHECK(trainings.notes("run", {"+trainer.profiler={name: chrome, wait: 100}"}).find("no trace") != std::string::npos);
  CHECK(!std::filesystem::exists(trainings.folder / "run/trace.json"));
}

TEST_CASE("a profiler that there is not is refused with the nearest") {
  using plexiform::training::read_profiler;
  CHECK(!read_profiler(nullptr));
  CHECK(!read_profiler(false));
  CHECK(read_profiler("advanced")->name == "simple");
  CHECK(read_profiler("pytorch")->name == "chrome");
  const auto knob = GENERATE(Json("simpel"), Json(3), Json{{"name", "chrome"}, {"activ", 3}}, Json{{"active", 0}},
                             Json{{"_target_", "lightning.pytorch.profilers.XLAProfiler"}});
  INFO(knob.dump());
  CHECK_THROWS_AS(read_profiler(knob), Error);
}

// The host as a library: what a program that embeds it is promised.
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/rand.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <evaluation/predict.h>
#include <model/bundle.h>
#include <plexiform/host/experiment.h>
#include <plexiform/host/trained_model.h>
#include <simulation/retina.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <filesystem>
#include <functional>

#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform::host;
using Catch::Matchers::ContainsSubstring;
using plexiform::Error;

namespace {

// One recording for all tests of this file.
const std::string& recording() {
  static const Folder folder;
  static const std::string data = [] {
    plexiform::simulation::write_retina(
        folder / "data", {.sessions = 2, .neurons = 4, .frames = 1500, .test_frames = 150, .repeats = 4});
    return folder / "data";
  }();
  return data;
}

Source small(const std::string& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> overrides = {"paths.data_dir=" + recording(), "model.hidden_channels=[2]",
                                        "trainer.max_epochs=3", "+trainer.limit_train_batches=4"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return {"quickstart", overrides, {}, folder};
}

// Adds traces/<stimulus>/running to the file of a session.
void add_running(const std::string& file) {
  const plexiform::data::Hdf5File before(file);
  plexiform::data::Hdf5File after(file, plexiform::data::Hdf5File::Mode::create);
  const std::function<void(const std::string&)> copy = [&](const std::string& group) {
    for (const auto& name : before.names(group)) {
      if (name.ends_with("/"))
        copy(group + name);
      else
        after.write(group + name, before.read(group + name));
    }
  };
  copy("");
  for (const auto& name : before.names()) {
    if (!name.starts_with("responses_")) continue;
    const int64_t frames = before.shape(name)[1];
    after.write("traces/" + name.substr(10) + "/running", at::linspace(0, 40, frames).sin().unsqueeze(0));
  }
  after.close();
}

// Says `next` at one step or at the end of one epoch, and remembers what it was told.
struct Watch final : Observer {
  explicit Watch(int64_t step = 0, int64_t epoch = 0, Next said = Next::go_on)
      : at_step(step), at_epoch(epoch), next(said) {}

  const int64_t at_step, at_epoch;
  const Next next;
  std::vector<Step> steps;
  std::vector<Epoch> epochs;
  std::vector<std::string> notes;
  size_t scored_after = 0;  // epochs

  Next step_done(const Step& step) override {
    steps.push_back(step);
    return step.at.step == at_step ? next : Next::go_on;
  }
  Next epoch_done(const Epoch& epoch) override {
    epochs.push_back(epoch);
    return epoch.at.epoch == at_epoch ? next : Next::go_on;
  }
  void scores_begin() override { scored_after = epochs.size(); }
  void note(const std::string& text) override { notes.push_back(text); }
};

std::string weights(const Result& result) { return content(result.model + "/model.safetensors"); }

}  // namespace

TEST_CASE("an observer is told of every step and epoch, and training returns what it wrote") {
  need_quickstart_plugins();
  const Folder folder;
  Watch watch;
  Experiment experiment(small(folder / "run"));
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
  const auto result = experiment.train(watch);
  CHECK(result.ending == Ending::max_epochs);
  REQUIRE(watch.steps.size() == 12);
  REQUIRE(watch.epochs.size() == 3);
  CHECK(watch.steps[5].at.epoch == 2);
  CHECK(watch.steps[5].at.batch == 2);
  CHECK(watch.steps[5].at.batches == 4);
  CHECK(watch.steps[5].at.step == 6);
  CHECK(watch.steps[5].session.substr(0, 7) == "retina_");
  CHECK(watch.scored_after == 3);
  CHECK(result.history.size() == 3);
  CHECK(result.history[2] == watch.epochs[2].metrics);
  CHECK(result.scores == Json::parse(content(folder / "run/scores.json")));
  CHECK_THAT(result.table, ContainsSubstring("noise ceiling"));
  CHECK(experiment.config()["trainer"]["max_epochs"] == 3);
}

TEST_CASE("finish cuts the epoch, validates it and writes the model") {
  need_quickstart_plugins();
  const Folder folder;
  Watch watch(6, 0, Next::finish);
  const auto result = Experiment(small(folder / "run")).train(watch);
  CHECK(result.ending == Ending::finished);
  CHECK(watch.steps.size() == 6);
  CHECK(watch.epochs.size() == 2);
  CHECK(result.history.size() == 2);
  CHECK_NOTHROW(TrainedModel(result.model));
}

TEST_CASE("a run that was suspended anywhere and resumed ends with the bits of one that was not") {
  need_quickstart_plugins();
  const Folder folder;
  const auto whole = Experiment(small(folder / "whole")).train();
  struct Stop {
    int64_t step, epoch;
  };
  for (const Stop stop : {Stop{1, 0}, Stop{4, 0}, Stop{6, 0}, Stop{0, 1}, Stop{0, 3}, Stop{12, 0}}) {
    const std::string name = folder / ("run" + std::to_string(stop.step) + "-" + std::to_string(stop.epoch));
    Watch watch(stop.step, stop.epoch, Next::suspend);
    const auto suspended = Experiment(small(name)).train(watch);
    CHECK(watch.scored_after == 0);
    INFO(name);
    CHECK(suspended.ending == Ending::suspended);
    CHECK(suspended.scores.is_null());
    CHECK_FALSE(std::filesystem::exists(name + "/model"));
    const auto resumed = Experiment::resume(name).train();
    CHECK(weights(resumed) == weights(whole));
    CHECK(resumed.scores == whole.scores);
    CHECK(resumed.history == whole.history);
  }
}

TEST_CASE("gradients that were accumulated are applied before a run is suspended") {
  need_quickstart_plugins();
  const Folder folder;
  const auto whole = Experiment(small(folder / "whole", {"trainer.accumulate_grad_batches=2"})).train();
  struct AtFirstBatch final : Observer {
    Next step_done(const Step&) override { return Next::suspend; }
  } watch;
  const auto suspended = Experiment(small(folder / "run", {"trainer.accumulate_grad_batches=2"})).train(watch);
  CHECK(suspended.ending == Ending::suspended);
  CHECK(weights(Experiment::resume(folder / "run").train()) == weights(whole));
}

TEST_CASE("a config written in code trains as the same one from a file, and is recorded") {
  need_quickstart_plugins();
  const Folder folder;
  Experiment from_file(small(folder / "file"));
  Json values = from_file.config();
  values.erase("training_callbacks");  // they name the folder of the other run
  Experiment from_code(values, folder / "code");
  CHECK(weights(from_code.train()) == weights(from_file.train()));
  CHECK(std::filesystem::exists(folder / "code/.hydra/config.yaml"));
  CHECK_THROWS_WITH(Experiment(Json{{"trainer", {{"max_epoch", 3}}}}, folder / "other"),
                    ContainsSubstring("model: the config has no model"));
}

TEST_CASE("a folder that holds something is not trained into") {
  need_quickstart_plugins();
  const Folder folder;
  std::filesystem::create_directory(folder / "run");
  std::ofstream(folder / "run/thesis.txt") << "mine";
  CHECK_THROWS_WITH(Experiment(small(folder / "run")), ContainsSubstring("is there already"));
  CHECK(content(folder / "run/thesis.txt") == "mine");
}

TEST_CASE("training in a program leaves its signal handlers alone") {
  need_quickstart_plugins();
  const Folder folder;
  struct Handlers final : Observer {
    bool own = true;
    Next step_done(const Step&) override {
      for (const int signal : {SIGINT, SIGTERM}) {
        struct sigaction present = {};
        sigaction(signal, nullptr, &present);
        own = own && present.sa_handler == SIG_IGN;
      }
      return Next::finish;
    }
  } handlers;
  auto* const before_int = std::signal(SIGINT, SIG_IGN);
  auto* const before_term = std::signal(SIGTERM, SIG_IGN);
  Experiment(small(folder / "run")).train(handlers);
  std::signal(SIGINT, before_int);
  std::signal(SIGTERM, before_term);
  CHECK(handlers.own);
}

TEST_CASE("an exception of an observer reaches the program") {
  need_quickstart_plugins();
  const Folder folder;
  struct Throws final : Observer {
    Next step_done(const Step&) override { throw std::logic_error("of the observer"); }
  } throws;
  Experiment experiment(small(folder / "run"));
  CHECK_THROWS_WITH(experiment.train(throws), "of the observer");
}

TEST_CASE("a trained model predicts what the host predicts, from the movie as it was recorded") {
  need_quickstart_plugins();
  const Folder folder;
  const auto result = Experiment(small(folder / "run")).train();
  const TrainedModel model(result.model);
  REQUIRE(model.sessions() == std::vector<std::string>{"retina_1", "retina_2"});
  auto catalogue = plexiform::plugins::Catalogue::discover(plexiform::plugins::search_order());
  const auto bundle = plexiform::model::read_bundle(result.model, catalogue);
  const auto recordings = plexiform::data::read_recordings(bundle.config);
  const auto split = plexiform::data::split(recordings, plexiform::data::read_loader(bundle.config), model.lag());
  const auto& test = split.tests.back();  // of retina_2
  const auto trace = plexiform::evaluation::predict(bundle.model, recordings, test, 1);
  at::Tensor movie;
  for (const auto& trial : recordings.sessions[1].tests) {
    if (trial.stimulus->name == test.name) movie = trial.stimulus->movie.unsqueeze(0);
  }
  const auto rates = model.predict(movie, "retina_2");
  REQUIRE(rates.size(2) == model.neurons("retina_2"));
  CHECK_FALSE(rates.requires_grad());
  CHECK(at::allclose(rates[0], trace.prediction, 1e-5, 1e-6));
  CHECK_FALSE(at::allclose(model.predict(movie.bitwise_not(), "retina_2")[0], trace.prediction, 1e-2, 1e-3));
}

TEST_CASE("a trained model predicts a movie frame by frame as it does the whole") {
  need_quickstart_plugins();
  const Folder folder;
  const auto result = Experiment(small(folder / "run")).train();
  TrainedModel model(result.model);
  const auto [C, T, H, W] = model.window();
  CHECK_THROWS_WITH(model.step(at::rand({C, H, W})), ContainsSubstring("start(session)"));
  const auto movie = at::rand({C, T, H, W}).mul(255).to(at::kByte);
  for (const char* session : {"retina_1", "retina_2"}) {  // the second stream knows nothing of the first
    const auto whole = model.predict(movie.unsqueeze(0), session)[0];
    model.start(session);
    for (int64_t t = 0; t < T; ++t) {
      const auto rates = model.step(movie.select(1, t));
      REQUIRE(rates.defined() == (t >= model.lag()));
      if (t >= model.lag()) REQUIRE(at::allclose(rates, whole[t - model.lag()], 1e-5, 1e-5));
    }
  }
  CHECK_THROWS_WITH(model.start("retina_3"), ContainsSubstring("did you mean"));
  CHECK_THROWS_AS(model.step(at::rand({C, H, W + 1})), Error);
}

TEST_CASE("a trained model takes the traces that it reads, for a whole movie and frame by frame") {
  need_quickstart_plugins();
  const Folder folder;
  std::filesystem::copy(recording(), folder / "data", std::filesystem::copy_options::recursive);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "data")) {
    if (entry.path().extension() == ".h5") add_running(entry.path());
  }
  const std::string reads = GENERATE("+model.readout.gain_from=running", "+model.trace_channels={running: 1}");
  const auto result = Experiment(small(folder / "run", {"paths.data_dir=" + (folder / "data"), reads})).train();
  TrainedModel model(result.model);
  const auto [C, T, H, W] = model.window();
  const auto movie = at::rand({C, T, H, W}).mul(255).to(at::kByte);
  const auto running = at::rand({T, 1}, at::kDouble);
  const std::vector<plexiform::Named> traces = {{"running", running.unsqueeze(0)}};
  const auto rates = model.predict(movie.unsqueeze(0), "retina_2", traces)[0];
  CHECK_FALSE(
      at::allclose(model.predict(movie.unsqueeze(0), "retina_2", {{"running", traces[0].tensor.add(1)}})[0], rates));
  model.start("retina_2");
  for (int64_t t = 0; t < T; ++t) {
    const auto one = model.step(movie.select(1, t), {{"running", running[t]}});
    if (t >= model.lag()) REQUIRE(at::allclose(one, rates[t - model.lag()], 1e-5, 1e-5));
  }
  // More windows than go through the model together: each with its own traces.
  const int64_t many = (int64_t{1} << 22) / (C * T * H * W) + 3;
  const auto shown = movie.expand({many, C, T, H, W}), each = at::rand({many, T, 1}, at::kDouble);
  const auto together = model.predict(shown, "retina_2", {{"running", each}});
  for (const int64_t k : {int64_t{0}, many / 2, many - 1}) {
    const auto alone = model.predict(movie.unsqueeze(0), "retina_2", {{"running", each.slice(0, k, k + 1)}})[0];
    CHECK(at::allclose(together[k], alone, 1e-4, 1e-5));
  }
  CHECK_THROWS_WITH(model.predict(movie.unsqueeze(0), "retina_2"), ContainsSubstring("running: is missing"));
  CHECK_THROWS_WITH(model.predict(movie.unsqueeze(0), "retina_2", {{"running", running.unsqueeze(0).slice(1, 1)}}),
                    ContainsSubstring("(batch, bins, numbers)"));
  CHECK_THROWS_WITH(model.step(movie.select(1, 0)), ContainsSubstring("running: is missing"));
}

TEST_CASE("a trained model refuses a session and a stimulus that it does not know") {
  need_quickstart_plugins();
  const Folder folder;
  const auto result = Experiment(small(folder / "run")).train();
  const TrainedModel model(result.model);
  const auto [C, T, H, W] = model.window();
  CHECK_THROWS_WITH(model.predict(at::rand({1, C, T, H, W}), "retina_3"), ContainsSubstring("did you mean"));
  CHECK_THROWS_WITH(model.predict(at::rand({1, C, T, H, W + 1}), "retina_1"), ContainsSubstring("only T may differ"));
  CHECK_THROWS_AS(model.predict(at::rand({1, C, 3, H, W}), "retina_1"), Error);
  CHECK_THROWS_AS(model.predict(at::rand({C, T, H, W}), "retina_1"), Error);
  CHECK_THROWS_AS(model.predict({}, "retina_1"), Error);
  CHECK_THROWS_AS(TrainedModel(folder / "nothing"), Error);
}

// Several trained models as one.
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <evaluation/metrics.h>
#include <model/ensemble.h>
#include <plexiform/host/trained_model.h>
#include <simulation/retina.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../command.h"
#include "../folder.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;
using host::TrainedModel;

namespace {

const host::Plugins fixtures{{FIXTURE_DIR "/fixture_components.plexiform.so"}};

// Three runs of the fixtures' model with rates of their own, as a sweep leaves them.
struct Runs {
  Runs() {
    simulation::write_retina(folder / "data",
                             {.sessions = 1, .neurons = 3, .frames = 2000, .test_frames = 200, .repeats = 2});
    for (const char* rate : {"0.01", "0.03", "0.1"}) {
      const std::string run = folder / ("sweep/" + std::to_string(runs.size()));
      host::Experiment(
          {TEST_DATA "/fixtures.yaml",
           {"paths.data_dir=" + folder / "data", "paths.output_dir=" + run, std::string("model.learning_rate=") + rate},
           {},
           run,
           fixtures})
          .train();
      runs.push_back(run);
    }
    std::ofstream(folder / "sweep/jobs.yaml") << "{}\n";
  }
  Folder folder;
  std::vector<std::string> runs;
};

const Runs& trained() {
  static const Runs runs;
  return runs;
}

}  // namespace

TEST_CASE("an ensemble predicts the mean of its members, at once and frame by frame") {
  const Folder folder;
  model::write_ensemble(folder / "all", trained().runs);
  TrainedModel all(folder / "all", fixtures);
  CHECK(all.members() == 3);
  const Shape window = all.window();
  const at::Tensor movie = at::rand({2, window.channels, window.time, window.height, window.width});
  const std::string session = all.sessions().back();
  std::vector<at::Tensor> each;
  for (const auto& run : trained().runs) {
    each.push_back(TrainedModel(run + "/model", fixtures).predict(movie, session));
  }
  CHECK(!at::allclose(each[0], each[2]));
  CHECK(at::equal(all.predict_members(movie, session), at::stack(each)));
  CHECK(at::allclose(all.predict(movie, session), at::stack(each).mean(0)));
  CHECK(TrainedModel(trained().runs[0] + "/model", fixtures).members() == 1);
}

TEST_CASE("evaluate scores an ensemble's mean and says how far apart its members are") {
  const Folder folder;
  const std::string all = folder / "all", log = folder / "log";
  REQUIRE(run({"ensemble", trained().folder / "sweep", "-o", all}, log).output == "model: " + all + " of 3 members\n");
  const auto ran = run({"evaluate", all, "--plugin", fixtures.files[0]}, log);
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.output, ContainsSubstring("the mean of 3 models; each by itself: "));
  CHECK(content(all + "/scores.csv").substr(0, content(all + "/scores.csv").find('\n')).ends_with(",spread"));
  CHECK_THAT(content(all + "/scores.json"), ContainsSubstring("how far apart the members of an ensemble are"));
}

TEST_CASE("a sweep becomes an ensemble that its folder is evaluated as") {
  const Folder folder;
  std::filesystem::copy(trained().folder / "sweep", folder / "sweep", std::filesystem::copy_options::recursive);
  REQUIRE(run({"ensemble", folder / "sweep"}, folder / "log").code == 0);
  CHECK(model::members(model::bundle_folder(folder / "sweep")).size() == 3);
}

TEST_CASE("the spread is the standard deviation between members, its variance averaged over time") {
  const auto predictions = at::tensor({1.0, 1.0, 3.0, 5.0}).view({2, 2, 1});  // variances 2 and 8
  CHECK(evaluation::spread(predictions).item<double>() == std::sqrt(5.0));
}

TEST_CASE("models that do not belong together are refused, and nothing is left behind") {
  const Folder folder;
  const auto refusal = [&](const std::vector<std::string>& runs) -> std::string {
    try {
      model::write_ensemble(folder / "all", runs);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  const auto& runs = trained().runs;
  CHECK_THAT(refusal({runs[0]}), ContainsSubstring("would have one member"));
  CHECK_THAT(refusal({runs[0], folder / "nowhere"}), ContainsSubstring("holds no trained model"));
  std::filesystem::copy(runs[1], folder / "other", std::filesystem::copy_options::recursive);
  auto about = nlohmann::ordered_json::parse(content(runs[1] + "/model/model.json"));
  about["normalisation"]["mean"] = 7;
  std::ofstream(folder / "other/model/model.json") << about.dump();
  CHECK_THAT(refusal({runs[0], folder / "other"}), ContainsSubstring("has other normalisation than"));
  CHECK(folder.entries() == 1);  // `other`
  std::filesystem::create_directory(folder / "all");
  CHECK_THAT(refusal(runs), ContainsSubstring("is there already"));
}

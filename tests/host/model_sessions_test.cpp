// What the host tells components of a session: facts when they are built, traces and the session's name in each batch.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <config/compose.h>
#include <data/batches.h>
#include <model/bundle.h>
#include <model/inputs.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "data_example.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

plugins::Catalogue catalogue() {
  return plugins::Catalogue::discover({{FIXTURE_DIR "/fixture_session.plexiform.so"}, {}}, plugins::Cache(""));
}

config::Node nodes(const std::string& readout, const std::string& more = "") {
  return config::parse_yaml("model:\n  core: {_target_: fixtures.cores.Movie}\n  readout: " + readout + "\n" + more +
                                "  loss: {_target_: fixtures.losses.Count}\n"
                                "  evaluation_loss: {_target_: fixtures.losses.Count}\n",
                            "test.yaml");
}

const std::string facts = "{_target_: fixtures.readouts.Facts, history: 2}";

// Two sessions of 2 and 3 neurons that know where these are.
data::Recordings recordings() {
  auto a = example::session("a", {60}, 2), b = example::session("b", {60}, 3);
  a.info["positions"] = at::tensor({1.0f, 2.0f});
  b.info["positions"] = at::tensor({3.0f, 4.0f, 5.0f});
  b.info["eye"] = at::tensor({7});
  return example::recordings({a, b});
}

model::Model build(const config::Node& root, const data::Recordings& of) {
  model::Spec spec{*root.find("model"), "", {1, 10, 2, 3}, {}};
  for (const auto& session : of.sessions) {
    std::vector<Named> info;
    for (const auto& [name, tensor] : session.info) info.push_back({name, tensor});
    spec.sessions.push_back({session.name, session.neurons, {}, info});
  }
  auto plugins = catalogue();
  return model::build(spec, plugins);
}

}  // namespace

TEST_CASE("a readout gets its own session's facts, and what it looks back on counts as lag") {
  const auto model = build(nodes(facts), recordings());
  CHECK(model.lag() == 2);
  const auto rate = model.forward(at::zeros({4, 1, 10, 2, 3}), 1);
  CHECK(rate.sizes().vec() == std::vector<int64_t>{4, 8, 3});
  CHECK(at::equal(rate[0][0], at::tensor({3.0f, 4.0f, 5.0f})));
}

TEST_CASE("a loss knows the session of a batch") {
  const auto model = build(nodes(facts), recordings());
  const auto two = at::zeros({1, 8, 2}), three = at::zeros({1, 8, 3});
  CHECK(model.loss_of(two, two, 0).item<double>() == 2);
  CHECK(model.evaluation_loss_of(three, three, 1).item<double>() == 5);
}

TEST_CASE("a clone takes over the first session's readout") {
  auto of = recordings();
  of.sessions[1] = of.sessions[0];
  of.sessions[1].name = "a again";
  const auto model =
      build(nodes("{_target_: fixtures.readouts.Facts}", "  clone: {_target_: fixtures.readouts.Tenfold}\n"), of);
  CHECK(at::equal(model.forward(at::zeros({1, 1, 10, 2, 3}), 1)[0][0], at::tensor({10.0f, 20.0f})));
  REQUIRE(model.origins.size() == 5);
  CHECK(model.origins[1].kind == "readout");
  CHECK(model.origins[2].kind == "clone");
}

TEST_CASE("what a clone does wrong is placed at model.clone") {
  const auto model =
      build(nodes("{_target_: fixtures.readouts.Facts}", "  clone: {_target_: fixtures.readouts.Tenfold}\n"),
            recordings());  // 2 and 3 neurons: no recording of the same
  CHECK_NOTHROW(model.forward(at::zeros({1, 1, 10, 2, 3}), 0));
  CHECK_THROWS_WITH(model.forward(at::zeros({1, 1, 10, 2, 3}), 1),
                    StartsWith("test.yaml:4:21: model.clone._target_: fixtures.readouts.Tenfold "));
}

TEST_CASE("channels that hidden_channels contradicts are refused, those that agree are taken") {
  const auto built = [](const std::string& channels) {
    return build(config::parse_yaml(
                     "model:\n  hidden_channels: [4]\n  core: {_target_: fixtures.cores.Movie, channels: " + channels +
                         "}\n  readout: " + facts +
                         "\n  loss: {_target_: fixtures.losses.Count}\n"
                         "  evaluation_loss: {_target_: fixtures.losses.Count}\n",
                     "test.yaml"),
                 recordings());
  };
  CHECK_THROWS_WITH(built("[1, x]"),
                    "test.yaml:3:52: model.core.channels: is [1,\"x\"], but model.hidden_channels makes it [1,4]\n"
                    "  fix: give one of the two: leave channels out, or set model.hidden_channels=null");
  CHECK_THROWS_WITH(built("[1, 8]"), ContainsSubstring("is [1,8], but model.hidden_channels makes it [1,4]"));
  CHECK_THROWS_WITH(built("[1, 4]"), ContainsSubstring("channels: no such parameter"));  // as far as the core
  CHECK_THROWS_WITH(built("'?\?\?'"), ContainsSubstring("channels"));
}

TEST_CASE("hidden_channels are without effect on a core that has no channels, which a note says") {
  const auto model =
      build(config::parse_yaml(
                "model:\n  hidden_channels: [4]\n  core: {_target_: fixtures.cores.Movie}\n  readout: " + facts +
                    "\n  loss: {_target_: fixtures.losses.Count}\n"
                    "  evaluation_loss: {_target_: fixtures.losses.Count}\n",
                "test.yaml"),
            recordings());
  CHECK(model.warnings ==
        std::vector<std::string>{"model.hidden_channels is without effect: fixtures.cores.Movie has no knob channels"});
}

TEST_CASE("a readout that looks back on all that there is is refused") {
  CHECK_THROWS_WITH(build(nodes("{_target_: fixtures.readouts.Facts, history: 10}"), recordings()),
                    "test.yaml:3:23: model.readout._target_: needs 10 bins before each that it predicts, the features "
                    "(C 1, T 10, H 2, W 3) have no more\n"
                    "  fix: use shorter temporal filters, or a longer dataloader.train_chunk_size");
}

TEST_CASE("a batch carries the traces of its frames to the readout") {
  auto two = recordings();
  for (auto* trials : {&two.sessions[0].train, &two.sessions[0].tests}) {
    for (auto& trial : *trials) trial.traces = {{"running", example::responses(9, 1, trial.stimulus->frames())}};
  }
  data::Part part{.session = 0, .name = "train", .length = 10};
  const auto batch = data::gather(two, part, {{0, 5}, {0, 20}});
  REQUIRE(batch.traces.size() == 1);
  CHECK(batch.traces[0].name == "running");
  CHECK(batch.traces[0].tensor.sizes().vec() == std::vector<int64_t>{2, 10, 1});
  CHECK(batch.traces[0].tensor[1][3][0].item<float>() == 9023);
  const auto model = build(nodes(facts), two);
  const auto rate = model.forward(batch.stimulus, 0, batch.traces);
  CHECK(rate[1][0][1].item<float>() == 9022 + 2);  // the window's third frame, the second neuron's position
}

TEST_CASE("a bundle keeps what the data say of the sessions") {
  const example::Folder folder;
  const auto of = recordings();
  const auto root = nodes(facts);
  const auto model = build(root, of);
  model::write_bundle(folder.path(), model, root, root, of, {});
  auto plugins = catalogue();
  const auto bundle = model::read_bundle(folder.path(), plugins);
  const auto x = at::zeros({1, 1, 10, 2, 3});
  for (size_t session : {0, 1}) CHECK(at::equal(bundle.model.forward(x, session), model.forward(x, session)));
}

TEST_CASE("traces that a component reads and a session lacks are refused before anything runs") {
  auto of = recordings();
  const auto model = build(nodes("{_target_: fixtures.readouts.Facts, needs: running}"), of);
  CHECK_THROWS_WITH(
      model::check_inputs(model, of),
      "test.yaml:3:23: model.readout._target_: reads 'running', which session 'a' lacks: it has no traces\n"
      "  fix: store it as traces/<stimulus>/running (rows, frames), or name another");
  for (auto& session : of.sessions) {
    for (auto* trials : {&session.train, &session.tests}) {
      for (auto& trial : *trials) trial.traces = {{"running", example::responses(9, 1, trial.stimulus->frames())}};
    }
  }
  CHECK_NOTHROW(model::check_inputs(model, of));
  for (auto& trial : of.sessions[1].train) trial.traces[0].tensor = example::responses(9, 2, trial.stimulus->frames());
  CHECK_THROWS_WITH(model::check_inputs(model, of),
                    "test.yaml:3:23: model.readout._target_: reads 1 rows of 'running', but session 'b' has 2\n"
                    "  fix: store as many rows, or set the knob that says how many there are");
}

TEST_CASE("traces become channels of what the core sees, behind those of the movie") {
  auto of = recordings();
  for (auto& session : of.sessions) {
    for (auto* trials : {&session.train, &session.tests}) {
      for (auto& trial : *trials) trial.traces = {{"running", example::responses(9, 2, trial.stimulus->frames())}};
    }
  }
  const auto model = build(nodes(facts, "  trace_channels: {running: 2}\n"), of);
  CHECK(model.window.channels == 1);
  CHECK(model.features.channels == 3);
  CHECK_NOTHROW(model::check_inputs(model, of));
  const data::Part part{.session = 0, .name = "train", .length = 10};
  const auto batch = data::gather(of, part, {{0, 5}});
  CHECK_NOTHROW(model.forward(batch.stimulus, 0, batch.traces));
  CHECK_THROWS_WITH(model.forward(batch.stimulus, 0),
                    Catch::Matchers::ContainsSubstring("running: is missing, and the model shows it to its core"));
  for (auto& trial : of.sessions[1].train) trial.traces.clear();
  CHECK_THROWS_WITH(model::check_inputs(model, of),
                    "model.trace_channels: reads 'running', which session 'b' lacks: it has no traces\n"
                    "  fix: store it as traces/<stimulus>/running (rows, frames), or name another");
  CHECK_THROWS_WITH(build(nodes(facts, "  trace_channels: [running]\n"), of),
                    "test.yaml:4:19: model.trace_channels: does not say how many rows each trace has\n"
                    "  fix: write {pupil: 1}");
}

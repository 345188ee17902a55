// Windows that sessions saw alike: which they are, and that a step over them is the sum of the sessions' own.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <data/array_files.h>
#include <data/shared_stream.h>
#include <model/safetensors.h>
#include <plexiform/host/experiment.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <set>

#include "data_example.h"
#include "needed_plugins.h"

using namespace plexiform;
using namespace plexiform::data;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

// A movie of three clips, seen by two sessions in these orders, the second one's mirrored if asked for.
Recordings permuted(bool mirrored = false) {
  const auto movie = std::make_shared<Stimulus>("movie", example::movie(0, 1, 60, 2, 3));
  auto session = [&](const std::string& name, std::vector<int64_t> clips, bool turned) {
    auto one = example::session(name, {60});
    one.train[0].stimulus = movie;
    one.train[0].view = {std::move(clips), 20, turned};
    return one;
  };
  return example::recordings({session("a", {2, 0, 1}, false), session("b", {1, 2, 0}, mirrored)});
}

// Clip 1 of the movie is set aside: clips 2 and 0 then follow each other in both sessions.
const LoaderParams loader = {.batch_size = 100,
                             .train_chunk_size = 8,
                             .clip_length = 20,
                             .num_val_clips = 1,
                             .val_clip_indices = std::vector<int64_t>{1}};

}  // namespace

TEST_CASE("a shared window is what each session saw, whatever the order of its clips") {
  const auto recordings = permuted();
  const auto parts = split(recordings, loader, 2);
  SharedStream stream(recordings, parts, loader, 1);
  CHECK(stream.sessions_per_window() == 2);
  CHECK(stream.steps_per_epoch() == 1);  // 2 windows of 8 in a clip of 20, 2 clips, in one batch
  for (int epoch = 0; epoch < 5; ++epoch) {
    const auto shared = stream.next();
    REQUIRE(shared.stimulus.size(0) == 4);
    REQUIRE(shared.turns.size() == 2);
    for (const auto& [batch, rows] : shared.turns) {
      CHECK(rows.size() == 4);
      CHECK_FALSE(batch.stimulus.defined());
      const auto own = gather(recordings, parts.train[batch.session], batch.windows);
      CHECK(at::equal(batch.responses, own.responses));
      for (size_t k = 0; k < rows.size(); ++k) {
        CHECK(at::equal(shared.stimulus[rows[k]], own.stimulus[static_cast<int64_t>(k)]));
      }
    }
  }
}

TEST_CASE("a movie and its mirror image are not shared") {
  const auto recordings = permuted(true);
  const auto parts = split(recordings, loader, 2);
  SharedStream stream(recordings, parts, loader, 1);
  CHECK(stream.sessions_per_window() == 1);
  const auto shared = stream.next();
  for (const auto& [batch, rows] : shared.turns) {
    const auto own = gather(recordings, parts.train[batch.session], batch.windows);
    for (size_t k = 0; k < rows.size(); ++k) {
      CHECK(at::equal(shared.stimulus[rows[k]], own.stimulus[static_cast<int64_t>(k)]));
    }
  }
}

TEST_CASE("sessions that have no window in common take their turns in batches of their own") {
  auto recordings = permuted(true);
  for (const auto& [name, mirrored] : {std::pair{"c", false}, {"d", true}}) {
    recordings.sessions.push_back(recordings.sessions[mirrored ? 1 : 0]);
    recordings.sessions.back().name = name;
  }
  LoaderParams odd = loader;
  odd.batch_size = 3;  // of 4 windows that each audience has
  const auto parts = split(recordings, odd, 2);
  SharedStream stream(recordings, parts, odd, 1);
  CHECK(stream.sessions_per_window() == 2);
  REQUIRE(stream.steps_per_epoch() == 2);
  std::array<int, 4> alone{};  // epochs in which a session's audience had a batch of its own
  for (int epoch = 0; epoch < 40; ++epoch) {
    for (int step = 0; step < 2; ++step) {
      const auto shared = stream.next();
      for (const auto& turn : shared.turns) {
        CHECK(std::is_sorted(turn.rows.begin(), turn.rows.end()));
        if (shared.turns.size() == 2) ++alone[turn.batch.session];
      }
    }
  }
  for (size_t k = 0; k < 4; ++k) CHECK(alone[k] == alone[k % 2]);
  CHECK(alone[0] + alone[1] == 40);
  CHECK(std::min(alone[0], alone[1]) > 8);
}

TEST_CASE("sessions that a third one has windows in common with share their batches") {
  auto recordings = permuted();
  auto other = recordings.sessions[0];  // c saw both movies, a and b one each
  other.name = "c";
  other.train.push_back(other.train[0]);
  const auto movie = std::make_shared<Stimulus>("other", example::movie(1, 1, 60, 2, 3));
  other.train[1].stimulus = movie;
  recordings.sessions[1].train[0].stimulus = movie;
  std::swap(recordings.sessions[0], recordings.sessions[1]);
  recordings.sessions.push_back(other);
  LoaderParams pairs = loader;
  pairs.batch_size = 2;
  const auto parts = split(recordings, pairs, 2);
  SharedStream stream(recordings, parts, pairs, 1);
  std::set<size_t> turns;
  for (int step = 0; step < 40; ++step) turns.insert(stream.next().turns.size());
  CHECK(turns.contains(3));
}

TEST_CASE("a shared stream goes on where it was, and only with its own data") {
  const auto recordings = permuted();
  LoaderParams small = loader;
  small.batch_size = 2;
  const auto parts = split(recordings, small, 2);
  SharedStream stream(recordings, parts, small, 7), resumed(recordings, parts, small, 7),
      other(recordings, parts, small, 8);
  for (int k = 0; k < 4; ++k) stream.next();
  const auto state = stream.state();
  resumed.restore(state);
  for (int k = 0; k < 5; ++k) CHECK(at::equal(stream.next().stimulus, resumed.next().stimulus));
  CHECK_THROWS_MATCHES(other.restore(state), Error, MessageMatches(ContainsSubstring("seed")));
}

TEST_CASE("windows that cannot be shared are refused") {
  const auto recordings = permuted();
  LoaderParams crossing = loader;
  crossing.allow_over_boundaries = true;
  const auto across = split(recordings, crossing, 2);
  CHECK_THROWS_MATCHES(SharedStream(recordings, across, crossing, 1), Error,
                       MessageMatches(ContainsSubstring("windows that sessions share lie inside clips")));
  LoaderParams large = loader;
  large.train_chunk_size = 30;  // longer than a clip, shorter than what is shown in a row
  const auto parts = split(recordings, large, 2);
  CHECK_THROWS_MATCHES(SharedStream(recordings, parts, large, 1), Error,
                       MessageMatches(ContainsSubstring("no clip or movie is shown for as long")));
  auto placed = split(recordings, loader, 2);
  placed.train[0].fixed = true;
  CHECK_THROWS_MATCHES(SharedStream(recordings, placed, loader, 1), Error,
                       MessageMatches(ContainsSubstring("cuts each trial at places of its own")));
}

TEST_CASE("the gradient of a shared step is the sum of the sessions' own") {
  need_quickstart_plugins();
  need_plugins({"linear"});
  const bool alike = GENERATE(true, false);  // did both sessions see both movies?
  const int64_t rows = GENERATE(14, 24);  // of maps few pixels are left and many: linear drives in one product and each
  const example::Folder folder;
  // Two windows of each movie of 20 bins, with the validation clip between them: shifts have nowhere to go.
  std::filesystem::create_directories(folder / "data/stimuli");
  at::manual_seed(3);
  write_npy(folder / "data/stimuli/movie.npy", at::randn({1, 60, rows, rows - 1}));
  write_npy(folder / "data/stimuli/other.npy", at::randn({1, 20, rows, rows - 1}));
  write_npy(folder / "data/stimuli/test.npy", at::randn({1, 40, rows, rows - 1}));
  for (const std::string name : {"a", "b"}) {
    Hdf5File session(folder / ("data/" + name + ".h5"), Hdf5File::Mode::create);
    const int64_t neurons = name == "a" ? 3 : 4;
    session.write("responses_movie", at::rand({neurons, 60}));
    if (alike || name == "a") session.write("responses_other", at::rand({neurons, 20}));
    session.write("responses_test", at::rand({neurons, 40}));
    session.close();
  }
  // SGD in steps along the gradient: its mean over both sessions' batches, at twice the rate, is their sum.
  double first_validation = 0, last_validation = 0;
  auto weights = [&](const std::string& run, const std::vector<std::string>& more) {
    std::vector<std::string> overrides = {"paths.data_dir=" + folder / "data",
                                          "model/core=linear",
                                          "optimizer=sgd",
                                          "data_io.test_names=[test]",
                                          "++dataloader.batch_size=3",
                                          "++dataloader.train_chunk_size=20",
                                          "++dataloader.clip_length=20",
                                          "++dataloader.val_clip_indices=[1]",
                                          "++dataloader.num_val_clips=1",
                                          "++optimizer.momentum=0",
                                          "++optimizer.weight_decay=0",
                                          "~lr_scheduler",
                                          "~trainer.gradient_clip_val",
                                          "trainer.max_epochs=3"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    host::Experiment experiment({"quickstart", overrides, {}, folder / run, {{}, {PLUGIN_DIR}}});
    const auto history = experiment.train().history;
    first_validation = history.front().at("val_loss"), last_validation = history.back().at("val_loss");
    return model::read_safetensors(folder / (run + "/checkpoints/last.safetensors")).tensors;
  };
  const auto turns = weights("turns", {"++optimizer.lr=0.2", "++trainer.accumulate_grad_batches=2"});
  const double first = first_validation, last = last_validation;
  const auto shared = weights("shared", {"++optimizer.lr=0.1", "++trainer.shared_core_pass=true"});
  CHECK(std::abs(first_validation - first) < 1e-5);
  CHECK(std::abs(last_validation - last) < 1e-5);
  CHECK(first != last);
  for (const auto& [name, tensor] : turns) {
    if (!name.starts_with("model.")) continue;
    const auto other = find(shared, name);
    REQUIRE(other.defined());
    INFO(name);
    CHECK((other - tensor).abs().max().item<double>() < 1e-6);
  }
}

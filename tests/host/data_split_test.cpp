#include <data/batches.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <set>

#include "data_example.h"

using namespace plexiform;
using namespace plexiform::data;

namespace {

using Windows = std::vector<Window>;

// Which clip of `length` frames, counted through trials of `frames`, begins at a window.
int64_t clip_number(const Window& window, const std::vector<int64_t>& frames, int64_t length) {
  int64_t number = window.begin / length;
  for (size_t trial = 0; trial < window.trial; ++trial) number += frames[trial] / length;
  return number;
}

std::string message(const Recordings& recordings, const LoaderParams& params, int64_t history) {
  try {
    split(recordings, params, history);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("validation clips are NumPy's choice with seed 42, in the order of the draw") {
  const std::vector<int64_t> frames = {70 * 75, 71 * 75};
  const auto recordings = example::recordings({example::session("a", frames)});
  for (const bool across : {false, true}) {
    const auto parts = split(recordings, {.clip_length = 75, .num_val_clips = 20, .allow_over_boundaries = across}, 10);
    std::vector<int64_t> clips;
    for (const auto& window : parts.validation[0].windows) {
      clips.push_back(clip_number(window, frames, 75));
    }
    CHECK(clips == std::vector<int64_t>(
                       {68, 108, 31, 51, 95, 137, 82, 114, 134, 12, 27, 45, 19, 105, 111, 139, 26, 136, 11, 120}));
    CHECK(parts.validation[0].length == 75);
  }
}

TEST_CASE("sessions of one length have the same validation clips") {
  const auto recordings = example::recordings({example::session("a", {1000}), example::session("b", {1000})});
  const auto parts = split(recordings, {.clip_length = 100, .num_val_clips = 3}, 0);
  CHECK(parts.validation[0].windows == parts.validation[1].windows);
}

TEST_CASE("clips that are listed are taken as they stand") {
  const auto recordings = example::recordings({example::session("a", {250, 300})});
  LoaderParams params{.train_chunk_size = 50, .clip_length = 100};
  params.val_clip_indices = {{3, 1}};  // clips 0, 1 lie in the first trial, 2, 3, 4 in the second
  const auto parts = split(recordings, params, 0);
  CHECK(parts.validation[0].windows == Windows({{1, 100}, {0, 100}}));
  // What is left: [0, 100) and the tail [200, 250) of trial 0; [0, 100) and [200, 300) of trial 1.
  CHECK(parts.train[0].windows == Windows({{0, 0}, {0, 50}, {0, 200}, {1, 0}, {1, 50}, {1, 200}, {1, 250}}));
}

TEST_CASE("runs of two trials stay apart where one ends at the frame at which the other begins") {
  const auto recordings = example::recordings({example::session("a", {200, 200})});
  LoaderParams params{.train_chunk_size = 50, .clip_length = 100};
  params.val_clip_indices = {{1, 2}};
  CHECK(split(recordings, params, 0).train[0].windows == Windows({{0, 0}, {0, 50}, {1, 100}, {1, 150}}));
}

TEST_CASE("over boundaries, trials are joined before they are cut and after") {
  const auto recordings = example::recordings({example::session("a", {150, 270})});
  LoaderParams params{.train_chunk_size = 90, .clip_length = 100, .allow_over_boundaries = true};
  params.val_clip_indices = {{1}};  // 100 .. 199: 50 frames of trial 0, 50 of trial 1
  const auto parts = split(recordings, params, 0);
  CHECK(parts.validation[0].windows == Windows({{0, 100}}));
  // Left are [0, 100) of trial 0 and [50, 250) of trial 1: 300 frames, the last 20 are lost.
  CHECK(parts.train[0].windows == Windows({{0, 0}, {0, 90}, {1, 130}, {1, 220}}));

  const auto batch = gather(recordings, parts.validation[0], parts.validation[0].windows);
  for (int64_t t = 0; t < 100; ++t) {
    const auto expected = t < 50 ? example::Origin{0, 100 + t} : example::Origin{1, t - 50};
    CHECK(example::origin(batch.responses[0][t][0].item<float>()) == expected);
  }
}

TEST_CASE("a test is one window over the whole trial") {
  const auto recordings = example::recordings({example::session("a", {1000}, 2, 40)});
  const auto parts = split(recordings, {.num_val_clips = 2}, 10);
  REQUIRE(parts.tests.size() == 1);
  CHECK(parts.tests[0].name == "s1");
  CHECK(parts.tests[0].length == 40);
  CHECK(parts.tests[0].windows == Windows({{0, 0}}));
}

TEST_CASE("the first predicted bin of a window is never a discarded one") {
  auto session = example::session("a", {1000, 1000}, 2, 100);
  session.discard_frames = 20;
  const auto recordings = example::recordings({session});
  for (const int64_t history : {0, 5, 19, 20, 30}) {
    const int64_t skip = std::max<int64_t>(0, 20 - history);
    const auto parts = split(recordings, {.clip_length = 100, .num_val_clips = 4}, history);
    for (const auto& window : parts.validation[0].windows) CHECK(window.begin % 100 == skip);
    CHECK(parts.validation[0].length == 100 - skip);
    CHECK(parts.tests[0].windows == Windows({{0, skip}}));
    CHECK(parts.tests[0].length == 100 - skip);

    TrainStream stream(recordings, parts, {}, 1);
    int64_t first = 1000;
    for (int i = 0; i < 200; ++i) {
      const auto predicted = stream.next().responses.select(1, history).select(1, 0);
      first = std::min(first, example::origin(predicted.remainder(1000).min().item<float>()).frame);
    }
    CHECK(first == std::max<int64_t>(20, history));
  }
}

TEST_CASE("batches of other lengths take the memory of a training batch") {
  CHECK(windows_per_batch({.batch_size = 128, .train_chunk_size = 50}, 750) == 8);
  CHECK(windows_per_batch({.batch_size = 64, .train_chunk_size = 50}, 750) == 4);
  CHECK(windows_per_batch({.batch_size = 2, .train_chunk_size = 50}, 750) == 1);
  CHECK(windows_per_batch({.batch_size = 64, .train_chunk_size = 50}, 20) == 64);
}

TEST_CASE("windows in order fill their batches but the last") {
  Part part;
  for (int64_t i = 0; i < 5; ++i) part.windows.push_back({0, i});
  const auto batches = in_order(part, 2);
  REQUIRE(batches.size() == 3);
  CHECK(batches[0] == Windows({{0, 0}, {0, 1}}));
  CHECK(batches[2] == Windows({{0, 4}}));
}

TEST_CASE("a split that cannot be is refused") {
  const auto recordings = example::recordings({example::session("a", {400, 300}, 2, 40)});
  CHECK(message(recordings, {.clip_length = 500}, 0) ==
        "dataloader.clip_length: is 500, but session 'a' has 400 training frames in a row\n"
        "  fix: use at most 400");
  CHECK(message(recordings, {.clip_length = 800, .allow_over_boundaries = true}, 0) ==
        "dataloader.clip_length: is 800, but session 'a' has 700 training frames in a row\n"
        "  fix: use at most 700");
  CHECK(message(recordings, {.clip_length = 100, .num_val_clips = 7}, 0) ==
        "dataloader.num_val_clips: is 7, but session 'a' has 7 clips of 100 frames\n"
        "  fix: use at most 6, or a smaller clip_length");
  CHECK(message(recordings, {.clip_length = 100, .num_val_clips = 1, .val_clip_indices = {{7}}}, 0) ==
        "dataloader.val_clip_indices: holds 7, but session 'a' has 7 clips of 100 frames\n"
        "  fix: use 0 to 6");
  CHECK(message(recordings, {.clip_length = 100, .val_clip_indices = {{2, 2}}}, 0) ==
        "dataloader.val_clip_indices: holds 2 twice\n  fix: list it once");
  CHECK(message(recordings, {.clip_length = 300, .val_clip_indices = {{1, 0}}}, 0) ==
        "dataloader.val_clip_indices: holds all 2 clips of session 'a'\n"
        "  fix: leave some to train on");
  CHECK(message(recordings, {.clip_length = 100, .val_clip_indices = {std::vector<int64_t>{}}}, 0) ==
        "dataloader.val_clip_indices: is empty\n  fix: list at least one clip, or use null");
  CHECK(message(recordings, {.train_chunk_size = 350, .clip_length = 300, .val_clip_indices = {{0}}}, 0) ==
        "dataloader.train_chunk_size: is 350, but the longest run of training frames in session "
        "'a' has 300\n  fix: use at most 300");
  CHECK(message(recordings, {.train_chunk_size = 30, .num_val_clips = 2}, 30) ==
        "dataloader.train_chunk_size: is 30, but the first 30 frames of a window get no "
        "prediction\n  fix: use at least 31");
  CHECK(message(recordings, {.clip_length = 30, .num_val_clips = 2}, 30) ==
        "dataloader.clip_length: is 30, but the first 30 frames of a clip get no prediction\n"
        "  fix: use at least 31");
  CHECK(message(recordings, {.num_val_clips = 2}, 45) ==
        "test stimulus 's2': has 40 frames, of which the first 45 get no prediction\n"
        "  fix: take it out of test_names, or use a core that sees fewer past frames");
  auto session = example::session("a", {400});
  session.discard_frames = 20;
  CHECK(message(example::recordings({session}), {.num_val_clips = 2, .allow_over_boundaries = true}, 0) ==
        "dataloader.allow_over_boundaries: is true, but session 'a' discards the first 20 frames "
        "of each trial, which such windows cannot leave out\n  fix: use false");
}

TEST_CASE("the loader's node is read by its target") {
  auto node = [](const Json& json) { return config::from_json({{"dataloader", json}}); };
  const std::string alias = "openretina.data_io.base_dataloader.multiple_movies_dataloaders";
  CHECK_FALSE(read_loader(node({{"_target_", "plexiform.data.Clips"}})).allow_over_boundaries);
  CHECK(read_loader(node({{"_target_", alias}})).allow_over_boundaries);
  CHECK_FALSE(read_loader(node({{"_target_", alias}, {"allow_over_boundaries", false}})).allow_over_boundaries);
  CHECK(read_loader(node({{"_target_", "plexiform.data.Clips"}, {"batch_size", 7}})).batch_size == 7);
  CHECK_THROWS_MATCHES(read_loader(node({{"_target_", "plexiform.data.Clip"}})), Error,
                       Catch::Matchers::Message("dataloader._target_: no loader is called "
                                                "'plexiform.data.Clip'\n  fix: did you mean "
                                                "'plexiform.data.Clips'?"));
}

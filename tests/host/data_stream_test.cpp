#include <data/batches.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <map>
#include <set>

#include "data_example.h"

using namespace plexiform;
using namespace plexiform::data;

namespace {

// Where the frames of each window of a batch are from.
std::vector<std::vector<example::Origin>> origins(const Batch& batch) {
  std::vector<std::vector<example::Origin>> windows(batch.responses.size(0));
  for (size_t b = 0; b < windows.size(); ++b) {
    for (int64_t t = 0; t < batch.responses.size(1); ++t) {
      windows[b].push_back(example::origin(batch.responses[b][t][0].item<float>()));
    }
  }
  return windows;
}

bool same(const Batch& a, const Batch& b) {
  return a.session == b.session && a.stimulus.equal(b.stimulus) && a.responses.equal(b.responses);
}

}  // namespace

TEST_CASE("training windows stay in one trial and out of the validation clips") {
  const auto recordings =
      example::recordings({example::session("a", {130, 700, 95, 410}), example::session("b", {900})});
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    const LoaderParams params{.batch_size = 4,
                              .train_chunk_size = 30 + 7 * static_cast<int64_t>(seed),
                              .clip_length = 60,
                              .num_val_clips = 4,
                              .seed = static_cast<int64_t>(seed)};
    const auto parts = split(recordings, params, 3);
    std::vector<std::set<std::pair<int64_t, int64_t>>> validation(2);
    for (const auto& part : parts.validation) {
      for (const auto& window : part.windows) {
        for (int64_t t = 0; t < part.length; ++t) {
          validation[part.session].insert({static_cast<int64_t>(window.trial), window.begin + t});
        }
      }
    }
    TrainStream stream(recordings, parts, params, seed);
    bool inside = true, trained_only = true;
    for (int64_t step = 0; step < 5 * stream.steps_per_epoch(); ++step) {
      const Batch batch = stream.next();
      for (const auto& window : origins(batch)) {
        for (size_t t = 0; t < window.size(); ++t) {
          inside = inside && window[t] == example::Origin{window[0].trial, window[0].frame + static_cast<int64_t>(t)};
          trained_only = trained_only && !validation[batch.session].contains({window[t].trial, window[t].frame});
        }
      }
    }
    CHECK(inside);
    CHECK(trained_only);
  }
}

TEST_CASE("every frame that is not set aside is trained on sooner or later") {
  const auto recordings = example::recordings({example::session("a", {333, 260})});
  const LoaderParams params{.batch_size = 2, .clip_length = 60, .num_val_clips = 2};
  const auto parts = split(recordings, params, 0);
  TrainStream stream(recordings, parts, params, 9);
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int i = 0; i < 600; ++i) {
    for (const auto& window : origins(stream.next())) {
      for (const auto& at : window) seen.insert({at.trial, at.frame});
    }
  }
  int64_t frames = 0;  // of runs that hold a window
  for (const auto& stretch : parts.train[0].stretches) {
    if (stretch.length >= params.train_chunk_size) frames += stretch.length;
  }
  CHECK(frames > 333);
  CHECK(static_cast<int64_t>(seen.size()) == frames);
}

TEST_CASE("over boundaries, windows run along the joined rest of the trials") {
  const auto recordings = example::recordings({example::session("a", {333, 260})});
  LoaderParams params{.batch_size = 2, .clip_length = 60, .allow_over_boundaries = true};
  params.val_clip_indices = {{2, 5}};  // frames 120 .. 179, and 300 .. 359 which lie in both trials
  const auto parts = split(recordings, params, 0);
  std::vector<example::Origin> rest;
  for (int64_t at = 0; at < 540; ++at) {  // nine clips
    if (at / 60 == 2 || at / 60 == 5) continue;
    rest.push_back(at < 333 ? example::Origin{0, at} : example::Origin{1, at - 333});
  }
  TrainStream stream(recordings, parts, params, 3);
  CHECK(stream.steps_per_epoch() == 4);  // 420 frames, 9 windows of 50 from 0, 50, .. 400
  int crossings = 0;
  for (int step = 0; step < 100; ++step) {
    for (const auto& window : origins(stream.next())) {
      const auto begin = std::find(rest.begin(), rest.end(), window[0]);
      REQUIRE(rest.end() - begin >= 50);
      CHECK(std::equal(window.begin(), window.end(), begin));
      if (window[49].frame - window[0].frame != 49) ++crossings;
    }
  }
  CHECK(crossings > 0);
}

TEST_CASE("sessions take turns until the longest is through, shorter ones start over") {
  // One window a batch; b has three batches a pass, a has one.
  const auto recordings = example::recordings({example::session("a", {20}), example::session("b", {40})});
  const LoaderParams params{.batch_size = 1, .train_chunk_size = 10, .clip_length = 10, .num_val_clips = 1};
  const auto parts = split(recordings, params, 0);
  TrainStream stream(recordings, parts, params, 5);
  REQUIRE(stream.steps_per_epoch() == 6);
  for (int epoch = 0; epoch < 10; ++epoch) {
    std::vector<size_t> turns;
    std::set<int64_t> begins;
    for (int step = 0; step < 6; ++step) {
      const Batch batch = stream.next();
      turns.push_back(batch.session);
      if (batch.session == 1) begins.insert(origins(batch)[0][0].frame);
    }
    CHECK(turns[0] != turns[1]);
    CHECK(turns == std::vector<size_t>({turns[0], turns[1], turns[0], turns[1], turns[0], turns[1]}));
    CHECK(begins.size() >= 2);  // another window each time, of one or two runs
  }
}

TEST_CASE("an epoch's order is another one each time") {
  const auto recordings = example::recordings({example::session("a", {2000})});
  const LoaderParams params{.num_val_clips = 2};
  const auto parts = split(recordings, params, 0);
  TrainStream stream(recordings, parts, params, 5);
  const Batch first = stream.next();
  CHECK_FALSE(same(first, stream.next()));
  // Windows as long as clips have no room to shift, but are shuffled all the same.
  const LoaderParams still{.batch_size = 1, .train_chunk_size = 1, .clip_length = 1};
  const auto frames = split(recordings, still, 0);
  TrainStream shuffled(recordings, frames, still, 5);
  int ascending = 0;
  int64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    const int64_t frame = origins(shuffled.next())[0][0].frame;
    ascending += frame > last;
    last = frame;
  }
  CHECK(ascending < 80);
}

TEST_CASE("a session with fewer windows than a batch gives smaller batches") {
  const auto recordings = example::recordings({example::session("a", {200}), example::session("b", {2000})});
  const LoaderParams params{.batch_size = 8, .clip_length = 50, .num_val_clips = 2};
  const auto parts = split(recordings, params, 0);
  TrainStream stream(recordings, parts, params, 1);
  using Sizes = std::map<size_t, int64_t>;
  Sizes sizes;
  for (int i = 0; i < 4; ++i) {
    const Batch batch = stream.next();
    sizes[batch.session] = batch.stimulus.size(0);
  }
  CHECK(sizes == Sizes({{0, 2}, {1, 8}}));
}

TEST_CASE("a seed gives the same batches again, another seed others") {
  const auto recordings = example::recordings({example::session("a", {2000})});
  const LoaderParams params{.num_val_clips = 2};
  const auto parts = split(recordings, params, 0);
  TrainStream one(recordings, parts, params, 1), again(recordings, parts, params, 1);
  TrainStream other(recordings, parts, params, (uint64_t{1} << 32) + 1);
  for (int i = 0; i < 3; ++i) {
    const Batch batch = one.next();
    CHECK(same(batch, again.next()));
    CHECK_FALSE(same(batch, other.next()));
  }
}

TEST_CASE("a restored stream goes on with the same bits") {
  const auto recordings = example::recordings(
      {example::session("a", {900}), example::session("b", {400, 400}), example::session("c", {2000})});
  const LoaderParams params{.batch_size = 4, .num_val_clips = 2};
  const auto parts = split(recordings, params, 5);
  for (const int steps : {0, 1, 5, 13, 14, 15, 26, 27, 40}) {
    TrainStream stream(recordings, parts, params, 77);
    for (int i = 0; i < steps; ++i) stream.next();
    const Json state = Json::parse(stream.state().dump());
    TrainStream resumed(recordings, parts, params, 77);
    resumed.restore(state);
    CHECK(resumed.state() == stream.state());
    for (int i = 0; i < 60; ++i) CHECK(same(stream.next(), resumed.next()));
    stream.start_epoch();  // also in the middle of an epoch
    resumed.start_epoch();
    CHECK(same(stream.next(), resumed.next()));
  }
}

TEST_CASE("a state of another run is refused") {
  const auto recordings = example::recordings({example::session("a", {900})});
  const LoaderParams params{.batch_size = 4, .num_val_clips = 2};
  const auto parts = split(recordings, params, 0);
  TrainStream stream(recordings, parts, params, 1);
  const Json state = stream.state();
  const std::string fix = "\n  fix: resume with the data, dataloader and seed of the first start";
  using Catch::Matchers::Message;
  TrainStream other_seed(recordings, parts, params, 2);
  CHECK_THROWS_MATCHES(other_seed.restore(state), Error,
                       Message("training stream: seed: is 2, but 1 in the checkpoint" + fix));
  TrainStream other_size(recordings, parts, {.batch_size = 5}, 1);
  CHECK_THROWS_MATCHES(other_size.restore(state), Error,
                       Message("training stream: batch_sizes: is [5], but [4] in the checkpoint" + fix));
  CHECK_THROWS_MATCHES(other_size.restore(Json()), Error, Message("training stream: is null in the checkpoint" + fix));
}

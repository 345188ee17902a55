#include <ATen/ops/stack.h>
#include <data/batches.h>

#include <catch2/catch_test_macros.hpp>

#include "data_example.h"

using namespace plexiform::data;

namespace {

// One trial of the movie, 3 neurons.
Recordings one_trial(const at::Tensor& movie, double mean = 0, double std = 1) {
  auto stimulus = std::make_shared<Stimulus>(Stimulus{"s", movie, mean, std});
  Session session;
  session.name = "a";
  session.neurons = 3;
  session.train = {{stimulus, example::responses(0, 3, movie.size(1)), {}}};
  return {.sessions = {session}, .channels = movie.size(0), .height = movie.size(2), .width = movie.size(3)};
}

}  // namespace

TEST_CASE("a batch holds the windows' frames of the movie and of the responses") {
  const auto movie = example::movie(1, 2, 30, 4, 5);  // no two axes of one length
  const auto recordings = one_trial(movie);
  const Part part{.name = "train", .length = 7};
  const auto batch = gather(recordings, part, {{0, 3}, {0, 23}, {0, 0}});

  const auto responses = recordings.sessions[0].train[0].responses;
  CHECK(batch.stimulus.equal(at::stack({movie.slice(1, 3, 10), movie.slice(1, 23, 30), movie.slice(1, 0, 7)})));
  CHECK(batch.responses.equal(
      at::stack({responses.slice(1, 3, 10).t(), responses.slice(1, 23, 30).t(), responses.slice(1, 0, 7).t()})));
  CHECK(batch.stimulus.is_contiguous());
  CHECK(batch.responses.is_contiguous());
}

TEST_CASE("the stimulus of some rows alone is what it is in the whole batch; the responses are those of all") {
  const auto recordings = one_trial(example::movie(1, 2, 30, 4, 5));
  const Part part{.name = "train", .length = 7};
  const std::vector<Window> windows = {{0, 3}, {0, 23}, {0, 0}};
  const auto whole = gather(recordings, part, windows), some = gather(recordings, part, windows, {1, 3});
  CHECK(some.stimulus.equal(whole.stimulus.slice(0, 1, 3)));
  CHECK(some.responses.equal(whole.responses));
  CHECK_FALSE(gather(recordings, part, windows, no_rows).stimulus.defined());
}

TEST_CASE(
    "some frames of windows are what they are in the whole batch, across seams and through a session's order of clips "
    "too") {
  auto session = example::session("a", {40, 50});
  session.train[0].view = {.clips = {3, 0, 2, 1}, .clip_length = 10, .mirrored = true};
  const auto recordings = example::recordings({session});
  const Part part{.name = "train",
                  .length = 25,
                  .windows = {},
                  .stretches = {{0, 0, 20}, {1, 10, 30}, {0, 25, 15}},
                  .across = true};
  const std::vector<Window> windows = {{0, 13}, {1, 29}, {1, 10}};
  const auto whole = gather(recordings, part, windows).stimulus;
  for (const auto& [from, to] : {std::pair<int64_t, int64_t>{0, 25}, {0, 1}, {6, 7}, {5, 9}, {7, 25}, {24, 25}})
    CHECK(gather_stimulus(recordings, part, windows, from, to).equal(whole.slice(2, from, to)));
  CHECK(gather_stimulus(recordings, part, std::span(windows).subspan(1, 1), 3, 20)
            .equal(whole.slice(0, 1, 2).slice(2, 3, 20)));
}

TEST_CASE("a response stands beside the frame it was recorded at") {
  const auto recordings = example::recordings({example::session("a", {300, 300})});
  const auto parts = split(recordings, {.num_val_clips = 2}, 0);
  TrainStream stream(recordings, parts, {.num_val_clips = 2}, 0);
  const auto batch = stream.next();
  for (int64_t b = 0; b < batch.stimulus.size(0); ++b) {
    for (int64_t t = 0; t < batch.stimulus.size(2); ++t) {
      const auto [trial, frame] = example::origin(batch.responses[b][t][0].item<float>());
      CHECK(batch.stimulus[b][0][t][0][0].item<float>() == static_cast<float>(10000 * trial + frame * 6));
    }
  }
}

TEST_CASE("a batch of integers is the batch of the same numbers in float") {
  const auto levels = example::movie(0, 1, 50, 2, 2).remainder(5);
  const auto expected = levels.slice(1, 10, 30).sub(2).mul(0.5);  // contrast -1 .. 1
  const Part part{.name = "train", .length = 20};
  for (const auto type : {at::kByte, at::kChar, at::kShort, at::kHalf, at::kFloat}) {
    const auto recordings = one_trial(levels.to(type), 2, 2);
    const auto batch = gather(recordings, part, {{0, 10}});
    CHECK(batch.stimulus.scalar_type() == at::kFloat);
    CHECK(batch.stimulus[0].equal(expected));
    CHECK(recordings.sessions[0].train[0].stimulus->movie.scalar_type() == type);
  }
}

#include <ATen/ops/cat.h>
#include <data/faults.h>
#undef CHECK  // c10's would hide Catch's

#include <catch2/catch_test_macros.hpp>

#include "data_example.h"

using namespace plexiform::data;

namespace {

// Two sessions of 30 Hz with repeats of their test; nothing is wrong with them.
Recordings good() {
  auto recordings = example::recordings({example::session("a", {60, 50}, 4), example::session("b", {70}, 3)});
  for (auto& session : recordings.sessions) {
    session.frame_rate_hz = 30;
    session.tests[0].repeats =
        at::cat({session.tests[0].responses.unsqueeze(0), session.tests[0].responses.unsqueeze(0)});
  }
  return recordings;
}

std::vector<std::string> found(const Recordings& recordings) {
  std::vector<std::string> all;
  for (const auto& fault : find_faults(recordings)) {
    all.push_back((fault.spoils ? "! " : "") + fault.kind + ": " + fault.session + " " + fault.what);
    CHECK_FALSE(fault.fix.empty());
  }
  return all;
}

using Faults = std::vector<std::string>;

}  // namespace

TEST_CASE("recordings without a fault have none") { CHECK(found(good()).empty()); }

TEST_CASE("neurons that never change in training, or have one response, are found") {
  auto recordings = good();
  auto& session = recordings.sessions[0];
  for (auto& trial : session.train) {
    trial.responses[1].fill_(0);
    trial.responses[3].copy_(trial.responses[2]);
  }
  session.train[0].responses[1][4].fill_(1);  // among the frames that are discarded
  session.discard_frames = 5;
  CHECK(found(recordings) == Faults{"! dead_neurons: a 1 of 4 neurons never change in training: 1",
                                    "twins: a neurons with the same responses: 2 and 3"});
}

TEST_CASE("test frames that are trained on are found, but not grey ones") {
  auto recordings = good();
  auto& test = recordings.sessions[1].tests[0];
  auto shown = std::make_shared<Stimulus>(*test.stimulus);
  shown->movie = shown->movie.clone();
  const auto& trained = recordings.sessions[1].train[0].stimulus->movie;
  shown->movie.slice(1, 10, 13).copy_(trained.slice(1, 60, 63));
  test.stimulus = shown;
  CHECK(found(recordings) ==
        Faults{"! duplicated_frames: b 3 of 40 frames of test 's1' are in the training too, the first is frame 10"});
  trained.slice(1, 60, 63).fill_(7);
  shown->movie.slice(1, 10, 13).fill_(7);
  CHECK(found(recordings).empty());
}

TEST_CASE("one frame of many is told, and spoils nothing") {
  auto recordings = example::recordings({example::session("a", {60}, 2, 200)});
  auto& session = recordings.sessions[0];
  session.frame_rate_hz = 30;
  session.tests[0].repeats = session.tests[0].responses.unsqueeze(0);
  const auto& movie = session.tests[0].stimulus->movie;
  movie.slice(1, 150, 151).copy_(session.train[0].stimulus->movie.slice(1, 3, 4));
  const auto faults = find_faults(recordings);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].kind == "duplicated_frames");
  CHECK_FALSE(faults[0].spoils);
}

TEST_CASE("frames that are cut out of images are the same where image, place and orientation are") {
  auto recordings = good();
  const at::Tensor images = example::movie(9, 1, 5, 8, 9);
  const auto cut = [&](const std::vector<Cut>& frames) {
    auto stimulus = std::make_shared<Stimulus>(Stimulus{"cut", images});
    stimulus->cuts = std::make_shared<const Cuts>(Cuts{frames, 2, 3, 1});
    return stimulus;
  };
  auto& session = recordings.sessions[1];
  std::vector<Cut> train, test;
  for (int32_t t = 0; t < 70; ++t) train.push_back({t % 5, 2, t % 6, false});
  for (int32_t t = 0; t < 40; ++t) test.push_back({t % 5, 3, t % 6, false});
  test[17] = {4, 2, 4, true};  // upside down it is another frame
  session.train[0].stimulus = cut(train);
  session.tests[0].stimulus = cut(test);
  CHECK(found(recordings).empty());
  test[17].upside_down = false;
  session.tests[0].stimulus = cut(test);
  CHECK(found(recordings) ==
        Faults{"! duplicated_frames: b 1 of 40 frames of test 'cut' are in the training too, the first is frame 17"});
}

TEST_CASE("rates that differ or are unknown, tests and repeats that are missing, are told") {
  auto recordings = good();
  recordings.sessions[1].frame_rate_hz = 60;
  CHECK(found(recordings) == Faults{"! rates:  sessions of one core differ in their frame rate: 30 Hz (a), 60 Hz (b)"});
  recordings.sessions[1].frame_rate_hz = 0;
  recordings.sessions[0].tests[0].repeats = at::Tensor();
  recordings.sessions[1].tests.clear();
  recordings.sessions[1].train[0].responses[0][0].fill_(2e6);
  const auto faults = found(recordings);
  REQUIRE(faults.size() == 4);
  CHECK(faults[0].starts_with("no_repeats: a test 's2' has no repeats"));
  CHECK(faults[1] == "large_responses: b responses reach 2000000");
  CHECK(faults[2].starts_with("no_test: b "));
  CHECK(faults[3] == "no_rate:  the frame rate of b is unknown");
}

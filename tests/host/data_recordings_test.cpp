#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <data/checks.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <functional>

#include "data_example.h"

using namespace plexiform;
using namespace plexiform::data;

namespace {

// Two sessions that saw s0 and s2; one of them saw s1 too, the other its own version of it.
void write_example(const example::Folder& folder) {
  std::filesystem::create_directories(folder / "stimuli");
  for (int64_t k = 0; k < 4; ++k) {
    const auto movie = example::movie(k, 1, 30 + k, 2, 3);
    write_npy(folder / ("stimuli/s" + std::to_string(k) + ".npy"), movie);
  }
  Hdf5File a(folder / "a.h5", Hdf5File::Mode::create);
  for (int64_t k = 0; k < 3; ++k) {
    a.write("responses_s" + std::to_string(k), example::responses(k, 4, 30 + k));
  }
  a.write("session_info/frame_rate_hz", at::full({}, 30.0, at::kDouble));
  a.write("session_info/cell_id", example::responses(0, 1, 4).to(at::kInt));
  a.write_text("session_info/species", "salamander");
  a.close();
  Hdf5File b(folder / "b.hdf5", Hdf5File::Mode::create);
  b.write("stimulus_s1", example::movie(7, 1, 20, 2, 3));
  b.write("responses_s0", example::responses(0, 5, 30).to(at::kByte));
  b.write("responses_s1", example::responses(7, 5, 20).to(at::kDouble));
  const auto once = example::responses(2, 5, 32);
  b.write("repeats_s2", at::stack({once.sub(1), once, once.add(4)}));
  b.close();
}

Recordings read(const example::Folder& folder, Json knobs = Json::object()) {
  knobs["_target_"] = "plexiform.data.Hdf5Folder";
  knobs["path"] = folder.path();
  if (!knobs.contains("test_names")) knobs["test_names"] = {"s2"};
  return read_recordings(config::from_json({{"data_io", knobs}}));
}

}  // namespace

TEST_CASE("a folder is read as sessions with trials for training and tests") {
  const example::Folder folder;
  write_example(folder);
  const auto recordings = read(folder);
  CHECK(recordings.channels == 1);
  CHECK(recordings.height == 2);
  CHECK(recordings.width == 3);
  REQUIRE(recordings.sessions.size() == 2);
  const Session& a = recordings.sessions[0];
  CHECK(a.name == "a");
  CHECK(a.neurons == 4);
  CHECK(a.frame_rate_hz == 30);
  CHECK(a.info.at("cell_id").numel() == 4);
  REQUIRE(a.train.size() == 2);
  REQUIRE(a.tests.size() == 1);
  CHECK(a.train[0].stimulus->name == "s0");
  CHECK(a.train[1].stimulus->name == "s1");
  CHECK(a.tests[0].stimulus->name == "s2");
  CHECK(a.train[1].stimulus->movie.equal(example::movie(1, 1, 31, 2, 3)));
  CHECK(a.train[1].responses.equal(example::responses(1, 4, 31)));
}

TEST_CASE("sessions that saw one stimulus share one copy of it, but for their own versions") {
  const example::Folder folder;
  write_example(folder);
  const auto recordings = read(folder);
  const auto& a = recordings.sessions[0];
  const auto& b = recordings.sessions[1];
  CHECK(a.train[0].stimulus == b.train[0].stimulus);
  CHECK(a.tests[0].stimulus == b.tests[0].stimulus);
  CHECK(a.train[1].stimulus != b.train[1].stimulus);
  CHECK(b.train[1].stimulus->movie.equal(example::movie(7, 1, 20, 2, 3)));
}

TEST_CASE("responses of any type become float32, and repeats have their mean") {
  const example::Folder folder;
  write_example(folder);
  const auto session = read(folder).sessions[1];
  CHECK(session.train[0].responses.equal(example::responses(0, 5, 30).to(at::kByte).to(at::kFloat)));
  CHECK(session.train[1].responses.equal(example::responses(7, 5, 20)));
  CHECK_FALSE(session.train[0].repeats.defined());
  CHECK(session.tests[0].repeats.sizes() == at::IntArrayRef({3, 5, 32}));
  CHECK(session.tests[0].responses.allclose(example::responses(2, 5, 32).add(1)));
}

TEST_CASE("integer movies stay as they are, doubles are read as float") {
  const example::Folder folder;
  write_example(folder);
  write_npy(folder / "stimuli/s0.npy", example::movie(0, 1, 30, 2, 3).to(at::kByte));
  write_npy(folder / "stimuli/s2.npy", example::movie(0, 1, 32, 2, 3).to(at::kDouble));
  const auto session = read(folder).sessions[0];
  CHECK(session.train[0].stimulus->movie.scalar_type() == at::kByte);
  CHECK(session.tests[0].stimulus->movie.scalar_type() == at::kFloat);
}

TEST_CASE("stimuli are normalised by the training stimuli, each counted once") {
  const example::Folder folder;
  write_example(folder);
  const auto recordings = read(folder);
  // By hand: s0 (30 frames), s1 (31) and b's own s1 (20), 6 pixels each; s2 is a test.
  std::vector<double> values;
  for (const auto& [k, frames] : {std::pair{0, 30}, {1, 31}, {7, 20}}) {
    for (int i = 0; i < frames * 6; ++i) values.push_back(10000.0 * k + i);
  }
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  const double std = std::sqrt(squares / static_cast<double>(values.size() - 1));
  for (const auto& session : recordings.sessions) {
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        CHECK(trial.stimulus->mean == Catch::Approx(mean).epsilon(1e-12));
        CHECK(trial.stimulus->std == Catch::Approx(std).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("mean and standard deviation are those of the config where it gives them") {
  const example::Folder folder;
  write_example(folder);
  const auto stimulus = read(folder, {{"norm_mean", 2}, {"norm_std", 0.5}}).sessions[0].train[0].stimulus;
  CHECK(stimulus->mean == 2);
  CHECK(stimulus->std == 0.5);
}

TEST_CASE("mean activity leaves out the discarded frames of each trial") {
  auto session = example::session("a", {30, 10});
  session.discard_frames = 20;  // 20 .. 29 of the first trial, nothing of the second
  CHECK(session.mean_activity().equal(example::responses(0, 2, 30).slice(1, 20).mean(1)));
  session.discard_frames = 0;
  CHECK(session.mean_activity()[0].item<float>() == (435 + 10045) / 40.f);
}

TEST_CASE("the two nodes of openretina's reader give the same recordings") {
  const example::Folder folder;
  write_example(folder);
  const std::string reader = "openretina.data_io.h5_dataset_reader.";
  const Json tests = {"s2"};
  const Json stimuli = {{"_target_", reader + "load_stimuli"},
                        {"base_data_path", folder.path()},
                        {"test_names", tests},
                        {"stimulus_size", {1, 2, 3}},
                        {"norm_std", 2.0}};
  Json responses = {{"_target_", reader + "load_responses"},
                    {"_convert_", "object"},
                    {"base_data_path", folder.path()},
                    {"test_names", tests}};
  auto read_pair = [&] {
    return read_recordings(
        config::from_json({{"data_io", {{"color_channels", 1}, {"stimuli", stimuli}, {"responses", responses}}}}));
  };
  const auto theirs = read_pair(), ours = read(folder);
  REQUIRE(theirs.sessions.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(theirs.sessions[i].train[1].responses.equal(ours.sessions[i].train[1].responses));
  }
  CHECK(theirs.sessions[0].train[0].stimulus->mean == 0);  // null means 0 and 1 there
  CHECK(theirs.sessions[0].train[0].stimulus->std == 2);
  CHECK(theirs.sessions[0].discard_frames == 0);
  responses["discard_frames"] = 20;
  CHECK(read_pair().sessions[1].discard_frames == 20);
}

TEST_CASE("what is allowed but seldom meant is said") {
  const example::Folder folder;
  write_example(folder);
  CHECK(doubts(read(folder)).empty());
  auto recordings = read(folder);
  auto& a = recordings.sessions[0];
  a.tests.clear();
  for (auto& trial : a.train) trial.responses.select(0, 1).zero_();
  recordings.sessions[1].train[0].responses.select(0, 0).fill_(1e30);
  const auto said = doubts(recordings);
  REQUIRE(said.size() == 3);
  CHECK(said[0] == "session a has no test: it will not be scored");
  CHECK(said[1] == "session a: 1 of 4 neurons never respond in training");
  CHECK(said[2] == "session b: responses reach 1e+30; counts or rates in Hz are meant");
}

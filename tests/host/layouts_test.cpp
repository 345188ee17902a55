// Made-up recordings in the layouts of published ones, read through the experiments of configs/ that train on them.
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <config/compose.h>
#include <config/resolve.h>
#include <config/shipped.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <data/convert.h>
#include <data/pickled_arrays.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/pickle_file.h>
#undef CHECK  // c10's would hide Catch's

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "data_example.h"
#include "data_reading.h"

using namespace plexiform;
using example::read;
using example::refusal;
using namespace plexiform::data;
namespace fs = std::filesystem;

namespace {

// Small enough for a test, and large enough for the experiments' clips and kernels.
simulation::LayoutSize tiny(const simulation::Layout& layout) {
  auto size = layout.small;
  size.repeats = 2;
  if (layout.name == "goldin_2022") size.frames = 660;
  if (layout.name.starts_with("sridhar")) size.neurons = 3;
  return size;
}

config::Node composed(const simulation::Layout& layout, const simulation::Experiment& experiment,
                      const std::string& folder) {
  std::vector<std::string> overrides = layout.small_overrides;
  overrides.insert(overrides.end(), experiment.small_overrides.begin(), experiment.small_overrides.end());
  overrides.push_back("paths.cache_dir=/nowhere");
  for (const auto& [key, place] : layout.paths) overrides.push_back(key + "=" + folder + place);
  if (experiment.config.ends_with("_ln")) overrides.push_back("model.in_shape=[1,30,80,90]");
  auto composition = config::compose({{std::string(SOURCE_DIR) + "/configs"}, experiment.config, overrides});
  config::set_output_folder(composition, folder + "/run");
  config::Resolvers resolvers;
  resolvers.hydra = composition.hydra;
  auto& job = composition.job;
  config::fill_dangling(job);
  return config::resolve(job, resolvers);
}

}  // namespace

TEST_CASE("each published experiment reads what is made up in its layout", "[layouts]") {
  for (const auto& layout : simulation::layouts()) {
    const example::Folder folder;
    const auto size = tiny(layout);
    layout.write(folder.path(), size);
    for (const auto& experiment : layout.experiments) {
      INFO(experiment.config);
      const auto config = composed(layout, experiment, folder.path());
      const auto recordings = read_recordings(config);
      const auto loader = read_loader(config);
      const auto parts = split(recordings, loader, 0);
      REQUIRE_FALSE(recordings.sessions.empty());
      const auto& first = recordings.sessions[0];
      CHECK(recordings.height == size.height);
      CHECK(recordings.width == size.width);
      CHECK(first.mean_activity().min().item<float>() >= 0);
      const bool generic = std::string(layout.name) == "hdf5_folder";  // openretina's config leaves its repeats out
      CHECK(first.tests.size() == (generic ? 2 : 1));
      CHECK(first.tests[0].repeats.defined() == !generic);
      TrainStream stream(recordings, parts, loader, 1);
      const auto batch = stream.next();
      CHECK(batch.stimulus.isfinite().all().item<bool>());
      CHECK(batch.stimulus.size(2) == loader.train_chunk_size);
    }
  }
}

namespace {

// The first batches of training and all of validation and test.
std::vector<at::Tensor> batches_of(const Recordings& recordings, const LoaderParams& loader) {
  const auto parts = split(recordings, loader, 0);
  std::vector<Batch> batches;
  TrainStream stream(recordings, parts, loader, 1);
  for (size_t step = 0; step < 2 * recordings.sessions.size(); ++step) batches.push_back(stream.next());
  for (const auto* all : {&parts.validation, &parts.tests}) {
    for (const auto& part : *all) batches.push_back(gather(recordings, part, {part.windows[0]}));
  }
  std::vector<at::Tensor> tensors;
  for (const auto& batch : batches) {
    tensors.insert(tensors.end(), {batch.stimulus, batch.responses});
    for (const auto& trace : batch.traces) tensors.push_back(trace.tensor);
  }
  return tensors;
}

}  // namespace

TEST_CASE("Hoefling 2024: movies of one clip, and of more than a byte counts, are made and read") {
  const auto& layout = simulation::layout("hoefling_2024_low_res");
  for (const int64_t clips : {1, 257}) {
    const example::Folder folder;
    auto size = tiny(layout);
    size.sessions = 1, size.trials = clips, size.test_frames = 150;
    layout.write(folder.path(), size);
    const auto recordings = read_recordings(composed(layout, layout.experiments[0], folder.path()));
    REQUIRE(recordings.sessions.size() == 1);
    CHECK(recordings.sessions[0].train[0].frames() == clips * 150);
  }
}

TEST_CASE("each layout becomes a file of our own, and that a generic folder, with the same batches", "[layouts]") {
  for (const auto& layout : simulation::layouts()) {
    if (layout.name == "hoefling_2024_high_res") continue;  // as the low one, but slow
    INFO(layout.name);
    const example::Folder folder;
    const std::string from = folder / "from", file = folder / "all.h5", generic = folder / "generic";
    fs::create_directory(from);
    layout.write(from, tiny(layout));
    const auto config =
        layout.experiments.empty()
            ? config::from_json({{"data_io", {{"_target_", "plexiform.data.Sensorium"}, {"path", from}}},
                                 {"dataloader", {{"_target_", "plexiform.data.Clips"}, {"num_val_clips", 1}}}})
            : composed(layout, layout.experiments[0], from);
    const auto recordings = read_recordings(config);
    const auto loader = read_loader(config);
    const auto expected = batches_of(recordings, loader);

    write_recordings_file(file, recordings, {});
    const auto packed = read({{"data_io", {{"_target_", "plexiform.data.RecordingsFile"}, {"path", file}}}});
    fs::create_directory(generic);
    unpack_recordings_file(file, generic);
    std::set<std::string> tests;
    for (const auto& session : packed.sessions) {
      for (const auto& trial : session.tests) tests.insert(trial.stimulus->name);
    }
    const auto unpacked =
        read({{"data_io", {{"_target_", "plexiform.data.Hdf5Folder"}, {"path", generic}, {"test_names", tests}}}});
    for (const auto* other : {&packed, &unpacked}) {
      const auto batches = batches_of(*other, loader);
      REQUIRE(batches.size() == expected.size());
      for (size_t i = 0; i < batches.size(); ++i) CHECK(batches[i].equal(expected[i]));
      for (size_t i = 0; i < recordings.sessions.size(); ++i) {
        const Session &one = recordings.sessions[i], &two = other->sessions[i];
        CHECK(one.name == two.name);
        CHECK(one.frame_rate_hz == two.frame_rate_hz);
        CHECK(one.tests[0].repeats.defined() == two.tests[0].repeats.defined());
        for (const auto& [key, values] : one.info) CHECK(values.equal(two.info.at(key)));
      }
    }
  }
}

TEST_CASE("the same seed gives the same files of a layout, another one others") {
  for (const char* name : {"goldin_2022", "sensorium"}) {
    const auto& layout = simulation::layout(name);
    auto size = tiny(layout);
    size.frames = 20;
    auto bytes = [&](int64_t seed) {
      const example::Folder folder;
      size.seed = seed;
      layout.write(folder.path(), size);
      std::string all;
      std::vector<fs::path> files;
      for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
      std::sort(files.begin(), files.end());
      for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        all.append(std::istreambuf_iterator<char>(stream), {});
      }
      return all;
    };
    CHECK(bytes(1) == bytes(1));
    CHECK(bytes(1) != bytes(2));
  }
  CHECK_THROWS_AS(simulation::layout("goldin_2021"), Error);
}

TEST_CASE("a pickle that was written is read again, nested, and as a single array") {
  const example::Folder folder;
  const at::Tensor counts = at::arange(6, at::kLong).reshape({2, 3});
  simulation::PickleFile file(folder / "a.pkl");
  file.array("counts", counts);
  file.begin("stats");
  file.number("mean", 37.25);
  file.text("unit", "Hz");
  file.integers("trials", {3, -1, 5'000'000'000});
  file.integers(2022, {7});
  file.end();
  file.array("flags", counts.to(at::kBool));
  file.close();
  const PickledArrays read(folder / "a.pkl");
  CHECK(read.array("counts").equal(counts));
  CHECK(read.array("flags").equal(counts.to(at::kBool)));
  CHECK(read.number("stats/mean") == 37.25);
  CHECK(read.integers("stats/trials") == std::vector<int64_t>{3, -1, 5'000'000'000});
  CHECK(read.integers("stats/2022") == std::vector<int64_t>{7});
  simulation::write_pickled_array(folder / "b.pkl", counts.to(at::kByte));
  CHECK(PickledArrays(folder / "b.pkl").array("").equal(counts.to(at::kByte)));
}

TEST_CASE("an array of a pickle is read when it is asked for: one that was cut meanwhile is refused") {
  const example::Folder folder;
  const std::string file = folder / "a.pkl";
  simulation::write_pickled_array(file, at::arange(10'000, at::kLong));
  const PickledArrays pickle(file);
  fs::resize_file(file, 1000);
  CHECK_THROWS_WITH(pickle.array(""), file + ": cannot be read to its end\n  fix: copy or download the file again");
}

TEST_CASE("texts in a .npy file are read as they were written") {
  const example::Folder folder;
  const std::vector<std::string> tiers = {"train", "oracle", "", "final_test"};
  write_npy_texts(folder / "tiers.npy", tiers);
  CHECK(read_npy_texts(folder / "tiers.npy") == tiers);
  write_npy(folder / "numbers.npy", at::zeros({3}));
  CHECK_THROWS_AS(read_npy_texts(folder / "numbers.npy"), Error);
  std::string claimed;  // more than the file holds: nothing is allocated for it
  {
    std::ifstream file(folder / "tiers.npy", std::ios::binary);
    claimed.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto at = claimed.find("(4,), }         ");
  REQUIRE(at != std::string::npos);
  claimed.replace(at, 16, "(3000000000,), }");
  std::ofstream(folder / "claimed.npy", std::ios::binary) << claimed;
  CHECK_THROWS_WITH(read_npy_texts(folder / "claimed.npy"), Catch::Matchers::ContainsSubstring("ends within its data"));
  fs::resize_file(folder / "tiers.npy", fs::file_size(folder / "tiers.npy") - 4);
  CHECK_THROWS_AS(read_npy_texts(folder / "tiers.npy"), Error);
}

TEST_CASE("Hoefling 2024, chirp and moving bars: a trial for each showing, of one movie, mirrored for a left eye") {
  const example::Folder folder;
  const auto& layout = simulation::layout("hoefling_2024_low_res");
  auto size = layout.small;
  size.trials = 2;
  size.test_frames = 150;
  layout.write(folder.path(), size);
  auto config = [&](const std::string& type, const std::string& movies) {
    return Json{{"data_io",
                 {{"_target_", "plexiform.data.Hoefling2024"},
                  {"movies", folder / movies},
                  {"responses", folder / "responses.h5"},
                  {"response_type", type}}}};
  };
  const auto chirp = read(config("chirp", "chirp.pkl"));
  REQUIRE(chirp.sessions.size() == 2);
  const auto &right = chirp.sessions[0], &left = chirp.sessions[1];
  CHECK(right.train.size() == 3);  // two triggers in each
  CHECK(right.tests.empty());
  CHECK(right.train[0].frames() == 990);
  CHECK(right.train[2].stimulus == left.train[0].stimulus);
  CHECK_FALSE(right.train[0].view.mirrored);
  CHECK(left.train[0].view.mirrored);
  const at::Tensor all = at::stack({right.train[0].responses, right.train[1].responses, right.train[2].responses});
  CHECK(all.transpose(0, 1).flatten(1).std(1, false).allclose(at::ones({right.neurons}), 1e-4));

  const auto bars = read(config("mb", "moving_bars.pkl"));
  const auto& trials = bars.sessions[0].train;
  CHECK(trials.size() == 3 * 8);
  CHECK(trials[0].frames() == 123);
  CHECK(trials[0].stimulus->name == "bar_0");
  CHECK(trials[0].stimulus == trials[8].stimulus);
  const Part bar{.session = 1, .name = "train", .length = 123};
  const auto movie = PickledArrays(folder / "moving_bars.pkl").array("").permute({3, 0, 1, 2});
  const auto expected = (movie.slice(1, 90 + 123, 90 + 246).to(at::kFloat).sub(128)).div(128);
  CHECK(gather(bars, bar, {{1, 0}}).stimulus[0].equal(expected.flip(3)));

  // Files of other rates and stimuli.
  CHECK(refusal(config("chirp", "moving_bars.pkl")["data_io"], folder.path()) ==
        "/moving_bars.pkl: has 1104 frames of a chirp, which takes 33 s at 30 Hz\n  fix: give the whole stimulus, and "
        "its "
        "rate as light_rate_hz: 30 or 60");
  CHECK(
      refusal(config("mb", "chirp.pkl")["data_io"], folder.path()).starts_with("/chirp.pkl: has 990 frames at 30 Hz"));
  CHECK(refusal(config("chirp", "movies.pkl")["data_io"], folder.path()).starts_with("/movies.pkl: is "));
  auto fast = config("chirp", "fast.npy");
  write_npy(folder / "fast.npy", at::zeros({1980, 18, 16, 3}, at::kByte));
  CHECK(refusal(fast["data_io"], folder.path()).starts_with("/fast.npy: has 1980 frames"));
  fast["data_io"]["light_rate_hz"] = 60;
  CHECK(read(fast).sessions[0].train[0].frames() == 990);
}

TEST_CASE("Sensorium: trials by tier, behaviour and pupil as traces, repeats of one movie as a test") {
  const example::Folder folder;
  const auto& layout = simulation::layout("sensorium");
  auto size = layout.small;
  size.trials = 3;
  size.frames = 40;
  size.test_frames = 30;
  layout.write(folder.path(), size);
  Json config = {{"data_io",
                  {{"_target_", "plexiform.data.Sensorium"},
                   {"path", folder.path()},
                   {"normalize_responses", false},
                   {"normalize_traces", false},
                   {"normalize_stimuli", false}}}};
  const auto raw = read(config);
  REQUIRE(raw.sessions.size() == 2);
  const auto& mouse = raw.sessions[0];
  const std::string files = folder / "dynamic29513-3/";
  CHECK(mouse.name == "dynamic29513-3");
  CHECK(mouse.train.size() == 3);
  CHECK(mouse.tests.size() == 1);
  CHECK(mouse.tests[0].repeats.size(0) == 3);
  CHECK(mouse.info.at("cell_motor_coordinates").size(0) == 6);
  CHECK(mouse.train[1].responses.equal(read_npy(files + "data/responses/1.npy")));
  CHECK(mouse.train[1].traces[0].name == "behavior");
  CHECK(mouse.train[1].traces[1].tensor.equal(read_npy(files + "data/pupil_center/1.npy")));
  const Part part{.session = 0, .name = "train", .length = 40};
  const auto batch = gather(raw, part, {{1, 0}});
  CHECK(batch.stimulus[0][0].equal(read_npy(files + "data/videos/1.npy").permute({2, 0, 1}).to(at::kFloat)));
  CHECK(batch.traces[0].tensor[0].equal(read_npy(files + "data/behavior/1.npy").t()));

  for (const char* knob : {"normalize_responses", "normalize_traces", "normalize_stimuli"})
    config["data_io"][knob] = true;
  const auto scaled = read(config);
  std::vector<at::Tensor> responses, traces;
  for (const auto& trial : scaled.sessions[0].train) {
    responses.push_back(trial.responses);
    traces.push_back(trial.traces[0].tensor);
  }
  CHECK(at::cat(responses, 1).std(1, false).allclose(at::ones({6}), 1e-4));
  CHECK(at::cat(traces, 1).mean(1).abs().max().item<float>() < 1e-4);

  // Trials are padded by NaN.
  auto padded = read_npy(files + "data/responses/2.npy").clone();
  padded.slice(1, 25).fill_(std::nan(""));
  write_npy(files + "data/responses/2.npy", padded);
  const auto shorter = read(config);
  CHECK(shorter.sessions[0].train[2].frames() == 25);
  CHECK(shorter.sessions[0].train[2].traces[0].tensor.size(1) == 25);
  CHECK(shorter.sessions[0].train[1].frames() == 40);

  const auto whole = read_npy(files + "data/responses/0.npy").clone();
  auto broken = whole.clone();
  broken.select(1, 3).fill_(std::nan(""));
  write_npy(files + "data/responses/0.npy", broken);
  CHECK(refusal(config["data_io"], files) ==
        "data/responses/0.npy: is not a number at frame 3, but later again\n  fix: take the trial out, or correct it");
  write_npy(files + "data/responses/0.npy", whole);

  const std::string tiers = folder / "dynamic29513-3/meta/trials/tiers.npy";
  fs::rename(tiers, tiers + ".kept");
  fs::create_symlink("/nowhere/tiers.npy", tiers);
  CHECK(refusal(config["data_io"], files).starts_with("meta/trials/tiers.npy: is a link that leads nowhere"));
  fs::remove(tiers);
  fs::rename(tiers + ".kept", tiers);

  // A single session; and what is refused.
  config["data_io"]["path"] = files;
  CHECK(read(config).sessions.at(0).name == "dynamic29513-3");
  auto said = [&] { return refusal(config["data_io"], files); };
  write_npy(files + "data/behavior/1.npy", at::zeros({2, 39}));
  CHECK(said() == "data/behavior/1.npy: has 39 frames, but data/videos/1.npy has 40\n  fix: store one value per frame");
  write_npy(files + "data/behavior/1.npy", at::zeros({3, 40}));
  CHECK(said() ==
        "data/behavior/1.npy: has 3 rows, but the session's first has 2\n  fix: store the same neurons or traces in "
        "every trial");
  fs::remove(files + "data/behavior/1.npy");
  CHECK(said().starts_with("data/behavior/1.npy: no such file"));
  write_npy(files + "data/videos/0.npy", at::zeros({18, 32}));
  CHECK(said().starts_with("data/videos/0.npy: has shape (18, 32), not (rows, columns, T)"));
  config["data_io"]["train_tiers"] = {"training"};
  CHECK(said() ==
        "meta/trials/tiers.npy: has no trial for training (training), but oracle, train\n  fix: correct train_tiers");
  fs::remove(files + "meta/trials/tiers.npy");
  CHECK(said().find("holds no session") != std::string::npos);
}

// Small files in the layouts of published recordings, and openretina's first batches of them: tests/data/published/make.py.
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <data/gaze_movie.h>
#undef CHECK  // c10's would hide Catch's

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>

#include "data_example.h"
#include "data_reading.h"

using namespace plexiform;
using example::read;
using example::refusal;
using namespace plexiform::data;
namespace fs = std::filesystem;

namespace {

const std::string published = std::string(TEST_DATA) + "/published/";

// A copy of a layout, which a test may change and a reader may write to.
std::string copied(const example::Folder& folder, const std::string& layout) {
  fs::copy(published + layout, folder / layout, fs::copy_options::recursive);
  return folder / layout;
}

Json loader(int64_t batch, int64_t length, int64_t validation, bool across) {
  return {{"_target_", "openretina.data_io.base_dataloader.multiple_movies_dataloaders"},
          {"batch_size", batch},
          {"train_chunk_size", length},
          {"clip_length", length},
          {"num_val_clips", validation},
          {"allow_over_boundaries", across}};
}

// The config of an experiment, in openretina's names.
Json pair_of(const std::string& package, const std::string& path, Json stimuli, Json responses) {
  const std::string there = "openretina.data_io." + package;
  stimuli["_target_"] = there + ".stimuli.load_all_stimuli";
  responses["_target_"] = there + ".responses.load_all_responses";
  stimuli["base_data_path"] = responses["base_data_path"] = path;
  return {{"stimuli", stimuli}, {"responses", responses}};
}

// The first batch of a part, taken in order, and openretina's.
void check_batch(const Recordings& recordings, const Part& part, const std::string& layout, const std::string& name,
                 double tolerance) {
  const std::string file = published + "expected/" + layout + "_" + recordings.sessions[part.session].name + "_" + name;
  INFO(file);
  const at::Tensor inputs = read_npy(file + "_inputs.npy"), targets = read_npy(file + "_targets.npy");
  Part own = part;
  own.length = inputs.size(2);
  std::vector<Window> windows(part.windows.begin(), part.windows.begin() + (part.test ? 0 : inputs.size(0)));
  for (int64_t i = 0; part.test && i < inputs.size(0); ++i) windows.push_back({0, i * own.length});
  const Batch batch = gather(recordings, own, windows);
  CHECK(batch.stimulus.allclose(inputs, 0, tolerance));
  CHECK(batch.responses.allclose(targets, 1e-6, 1e-6));
}

// All parts of all sessions.
void check_first_batches(const Json& config, const std::string& layout, double tolerance = 1e-5) {
  const Recordings recordings = read(config);
  const auto parts = split(recordings, read_loader(config::from_json(config)), 0);
  for (const auto& part : parts.train) check_batch(recordings, part, layout, "train", tolerance);
  for (const auto& part : parts.validation) check_batch(recordings, part, layout, "validation", tolerance);
  for (const auto& part : parts.tests) check_batch(recordings, part, layout, "test", tolerance);
}

Json maheswaranathan(const std::string& path, const std::string& stimulus = "naturalscene") {
  return pair_of("maheswaranathan_2023", path, {{"stim_type", stimulus}},
                 {{"stim_type", stimulus}, {"response_type", "firing_rate_10ms"}, {"fr_normalization", 1.0}});
}

Json goldin(const std::string& path, const std::string& species = "mouse") {
  return pair_of("goldin_2022", path, {{"specie", species}}, {{"specie", species}, {"fr_normalization", 0.3}});
}

Json karamanlis(const std::string& path) {
  return pair_of("karamanlis_2024", path, {{"downsampled_size", {12, 16}}}, Json::object());
}

}  // namespace

TEST_CASE("Maheswaranathan 2023: batches are openretina's, and sessions share a movie that both hold") {
  const std::string path = published + "maheswaranathan_2023";
  const Json config = {{"data_io", maheswaranathan(path)}, {"dataloader", loader(2, 8, 3, true)}};
  check_first_batches(config, "maheswaranathan_2023");
  const auto recordings = read(config);
  REQUIRE(recordings.sessions.size() == 2);  // a third folder has no recording of that stimulus
  const auto& [a, b] = std::tie(recordings.sessions[0], recordings.sessions[1]);
  CHECK(a.name == "15-10-07");
  CHECK(a.frame_rate_hz == 100);
  CHECK(a.train[0].stimulus == b.train[0].stimulus);
  CHECK(a.train[0].stimulus->movie.scalar_type() == at::kByte);
  for (const auto& session : recordings.sessions) {  // stored by cell in the one, together in the other
    CHECK(session.tests[0].repeats.sizes().vec() == std::vector<int64_t>{3, session.neurons, 12});
    CHECK(session.tests[0].repeats.mean(0).allclose(session.tests[0].responses));
  }
  CHECK(read({{"data_io", maheswaranathan(path, "whitenoise")}}).sessions.size() == 1);
}

TEST_CASE("Goldin 2022: batches are openretina's, in Hz, of the species that is asked for") {
  const std::string path = published + "goldin_2022";
  const Json config = {{"data_io", goldin(path)}, {"dataloader", loader(4, 1, 5, false)}};
  check_first_batches(config, "goldin_2022");
  const auto recordings = read(config);
  REQUIRE(recordings.sessions.size() == 2);
  CHECK(recordings.sessions[0].neurons == 11);  // cell 10 comes after cell 9, not after cell 1
  CHECK(recordings.sessions[0].tests[0].repeats.defined());
  CHECK_FALSE(recordings.sessions[1].tests[0].repeats.defined());
  CHECK(read({{"data_io", goldin(path, "axolotl")}}).sessions[0].name == "axolotl_1");
}

TEST_CASE("files of training and test: what is inconsistent is refused with file, data set and fix") {
  const example::Folder folder;
  auto damaged = [&](const std::string& data_set, const at::Tensor& values) {
    const std::string file = folder / "mouse.h5";
    Hdf5File made(file, Hdf5File::Mode::create);
    const at::Tensor images = at::arange(24, at::kFloat).reshape({4, 2, 3}),
                     counts = at::arange(8, at::kFloat).reshape({2, 4});
    for (const auto& [name, array] :
         std::vector<std::pair<std::string, at::Tensor>>{{"train/stimulus", images},
                                                         {"test/stimulus", images},
                                                         {"train/response/binned", counts},
                                                         {"test/response/binned", counts},
                                                         {"test/repeats/cell0", counts.slice(0, 0, 1)},
                                                         {"test/repeats/cell1", counts.slice(0, 1, 2)}}) {
      if (name != data_set) made.write(name, array);
      if (name == data_set && values.defined()) made.write(name, values);
    }
    made.close();
    return refusal(goldin(folder.path()), folder.path());
  };
  const auto counts = [](int64_t n, int64_t t) { return at::arange(n * t, at::kFloat).reshape({n, t}); };
  CHECK(damaged("", {}) == "accepted");
  CHECK(damaged("train/stimulus", {}).starts_with("/mouse.h5: /train/stimulus: "));
  CHECK(damaged("train/stimulus", at::zeros({4, 6})) ==
        "/mouse.h5: /train/stimulus: has shape (4, 6), not (T, H, W)\n  fix: store frames, rows, columns");
  CHECK(damaged("train/stimulus", at::zeros({4, 2, 3})) ==
        "/mouse.h5: /train/stimulus: is 0 everywhere, and cannot be normalised\n  fix: store the movie that was shown, "
        "or "
        "set normalize_stimuli: false");
  CHECK(damaged("test/stimulus", at::arange(32, at::kFloat).reshape({4, 4, 2}))
            .starts_with("/mouse.h5: /test/stimulus: has (H, W) (4, 2)"));
  CHECK(damaged("train/response/binned", counts(2, 5)).starts_with("/mouse.h5: /train/response/binned: has 5 frames"));
  CHECK(damaged("train/response/binned", counts(2, 4).sub(3))
            .starts_with("/mouse.h5: /train/response/binned: holds -10 at neuron 0, frame 0"));
  CHECK(damaged("train/response/binned", counts(2, 4).log())
            .starts_with("/mouse.h5: /train/response/binned: holds -inf"));
  CHECK(damaged("test/response/binned", counts(3, 4)).starts_with("/mouse.h5: /test/response/binned: has 3 neurons"));
  CHECK(damaged("test/response/binned", counts(2, 4).mul(2)).starts_with("/mouse.h5: /test/repeats: has the mean"));
  CHECK(damaged("test/repeats/cell1", counts(1, 3))
            .starts_with("/mouse.h5: /test/repeats/cell1: has shape (1, 3), not (1, 4)"));
  CHECK(damaged("test/repeats/cell1", {}).starts_with("/mouse.h5: /test/repeats: has 1 neurons"));
  CHECK(refusal(goldin(folder.path(), "axolotl"), folder.path()) ==
        ": holds no session\n  fix: give a folder with an HDF5 file per session, with 'axolotl' in its name");
  CHECK(refusal(maheswaranathan(folder.path()), folder.path()) ==
        "data_io.path: there is no folder /ganglion_cell_data\n  fix: give the folder neural_code_data, as it was "
        "extracted");
}

TEST_CASE("Karamanlis 2024: with openretina's quirk batches are its own, without it no edge wraps around") {
  const example::Folder folder;
  const std::string path = copied(folder, "karamanlis_2024");
  Json config = {{"data_io", karamanlis(path)}, {"dataloader", loader(2, 6, 2, true)}, {"compat", "openretina"}};
  check_first_batches(config, "karamanlis_2024", 1e-3);  // stored to 1/128 of a grey value; their s.d. is 4.3
  const auto wrapped = read(config);
  config.erase("compat");
  const auto recordings = read(config);
  REQUIRE(recordings.sessions.size() == 1);
  const Session& session = recordings.sessions[0];
  CHECK(session.name == "mouse_1");
  CHECK(session.train.size() == 4);  // windows do not cross from one block of fixations into the next
  CHECK(session.tests[0].repeats.sizes().vec() == std::vector<int64_t>{5, 3, 12});
  CHECK(session.train[0].stimulus->movie.scalar_type() == at::kShort);
  CHECK_FALSE(session.train[0].stimulus->movie.equal(wrapped.sessions[0].train[0].stimulus->movie));
}

TEST_CASE("Karamanlis 2024: the movie is drawn once, and again when the file changes or the copy is damaged") {
  const example::Folder folder;
  const std::string path = copied(folder, "karamanlis_2024"), session = path + "/mouse_1";
  auto cached = [&] {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(session)) {
      if (entry.path().extension() == ".npy") files.push_back(entry.path().string());
    }
    return files;
  };
  const Json config = {{"data_io", karamanlis(path)}};
  const auto movie = read(config).sessions[0].train[0].stimulus->movie.clone();
  REQUIRE(cached().size() == 2);
  const auto written = fs::last_write_time(cached()[0]);
  CHECK(read(config).sessions[0].train[0].stimulus->movie.equal(movie));
  CHECK(fs::last_write_time(cached()[0]) == written);
  for (const auto& file : cached()) fs::resize_file(file, fs::file_size(file) / 2);
  CHECK(read(config).sessions[0].train[0].stimulus->movie.equal(movie));
  CHECK(fs::file_size(cached()[0]) > 1000);
  fs::last_write_time(session + "/mouse_1_fixationmovie_data.mat",
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  for (const auto& file : cached()) write_npy(file, at::zeros(read_npy_header(file).shape, at::kShort));
  CHECK(read(config).sessions[0].train[0].stimulus->movie.equal(movie));
  fs::copy(session, path + "/other_mouse", fs::copy_options::recursive);
  const auto both = read(config);
  CHECK(both.sessions[0].tests[0].stimulus == both.sessions[1].tests[0].stimulus);
}

TEST_CASE("a frame under a gaze is the image on the screen, resized as LibTorch resizes") {
  const at::Tensor image = at::arange(2 * 30 * 50, at::kFloat).remainder(251).reshape({2, 30, 50});
  const at::Tensor fixations = at::tensor({2, 20, 10, 1, 390, -280, 1, 4000, 0}, at::kLong).view({3, 3});
  const at::Tensor frames = GazeMovie(image.to(at::kByte), 60, 80).frames(fixations);
  auto screen = at::zeros({3, 1, 600, 800});
  screen[0][0].slice(0, 290, 320).slice(1, 380, 430).copy_(image[1]);
  screen[1][0].slice(0, 580, 600).slice(1, 10, 60).copy_(image[0].slice(0, 0, 20));
  CHECK(
      frames.allclose(at::_upsample_bilinear2d_aa(screen, std::vector<int64_t>{60, 80}, false).squeeze(1), 1e-5, 1e-4));
  CHECK(frames[2].abs().max().item<float>() == 0);
}

TEST_CASE("Karamanlis 2024: what is inconsistent is refused, and leaves no movie behind") {
  const example::Folder folder;
  const std::string path = folder / "sessions", session = path + "/mouse_9";
  fs::create_directories(session);
  auto damaged = [&](const std::string& data_set, const at::Tensor& values) {
    Hdf5File made(session + "/mouse_fixationmovie_data.mat", Hdf5File::Mode::create);
    const auto fixations = at::tensor({1, 5, 5, 2, 6, 6, 1, 4, 4, 2, 3, 3}, at::kDouble);
    for (const auto& [name, array] : std::vector<std::pair<std::string, at::Tensor>>{
             {"runningImages", at::arange(2 * 20 * 10, at::kFloat).reshape({2, 20, 10})},
             {"frozenImages", at::arange(2 * 20 * 10, at::kFloat).reshape({2, 20, 10})},
             {"runningfixations", fixations.view({2, 2, 3})},
             {"frozenfixations", fixations.view({4, 3})},
             {"runningbin", at::zeros({2, 2, 3})},
             {"frozenbin", at::zeros({5, 4, 3})}}) {
      if (name != data_set) made.write(name, array);
      if (name == data_set && values.defined()) made.write(name, values);
    }
    made.close();
    const std::string said = refusal(karamanlis(path), session + "/mouse_fixationmovie_data.mat: /");
    for (const auto& entry : fs::directory_iterator(session)) {
      const std::string name = entry.path().filename();
      CHECK((name.ends_with(".mat") || name.ends_with("_train.npy") || name.ends_with("_test.npy")));
    }
    return said;
  };
  for (const double odd : {std::nan(""), 1e18})
    CHECK(damaged("runningfixations",
                  at::tensor({1.0, 5.0, odd, 2.0, 6.0, 6.0, 1.0, 4.0, 4.0, 2.0, 3.0, 3.0}).view({2, 2, 3})) ==
          "runningfixations: holds numbers that are no places of an image\n  fix: correct them: image, x and y in px");
  CHECK(damaged("", {}) == "accepted");
  CHECK(damaged("frozenImages", {}).starts_with("frozenImages: "));
  CHECK(damaged("runningfixations", at::tensor({1, 5, 5, 3, 6, 6, 1, 4, 4, 2, 3, 3}, at::kDouble).view({2, 2, 3})) ==
        "runningfixations: names image 3 at trial 0, frame 1, but runningImages holds 2\n  fix: count images from 1 to "
        "2");
  CHECK(damaged("frozenfixations", at::zeros({4, 2})) ==
        "frozenfixations: has shape (4, 2), not (T, 3)\n  fix: store image, x and y of every frame");
  CHECK(damaged("runningbin", at::zeros({2, 3, 2})) ==
        "runningbin: has shape (2, 3, 2), not (2, 2, N)\n  fix: store one response of each neuron per fixation");
  CHECK(damaged("frozenbin", at::zeros({5, 4, 4})) ==
        "frozenbin: has 4 neurons, but runningbin has 3\n  fix: store the same neurons in both");
  CHECK(damaged("runningImages", at::zeros({2, 20})).starts_with("runningImages: has shape (2, 20), not (images"));
  write_npy(path + "/mouse_10.zip", at::zeros({1}));
  CHECK(refusal(karamanlis(path), path) ==
        "/mouse_10.zip: is an archive that is not extracted\n  fix: unzip /mouse_10.zip -d /mouse_10, or move it away");
}

namespace {

const std::string sridhar = "openretina.data_io.sridhar_2025.";

// data_io and dataloader of openretina's experiments with the recordings of Sridhar et al. 2025.
Json sridhar_config(const std::string& path, const std::string& kind, const std::vector<std::string>& retinas) {
  Json files, crops, train, test, fixations, borders = {2, 3, 4, 5};
  for (size_t i = 0; i < retinas.size(); ++i) {
    const std::string &retina = retinas[i], number = std::to_string(i + 1);
    files[retina] = "responses/cell_responses_" + retina + (kind == "nm" ? "_fixation_movie.pkl" : "_wn.pkl");
    crops[retina] = kind == "wn" && i == 1 ? Json{3, 2, 5, 4} : borders;
    fixations[retina] = "fixations/fixations.txt";
    train[retina] = "non_repeating_stimuli_" + number;
    test[retina] = "repeating_stimuli_" + number;
  }
  const Json excluded =
      kind == "nm" ? Json{{"01", {1}}, {"02", Json::array()}} : Json{{"01", Json::array()}, {"04", {0}}};
  Json loader = {{"basepath", path},        {"files", files},     {"big_crops", crops},   {"batch_size", 2},
                 {"num_of_frames", {4, 3}}, {"num_of_layers", 2}, {"time_chunk_size", 6}, {"cell_index", nullptr},
                 {"retina_index", nullptr}, {"device", "cuda"},   {"seed", nullptr},      {"excluded_cells", excluded}};
  if (kind == "nm") {
    loader.update({{"_target_", sridhar + "dataloaders.frame_movie_loader"},
                   {"fixation_files", fixations},
                   {"full_img_w", 44},
                   {"full_img_h", 36},
                   {"img_h", 20},
                   {"img_w", 26},
                   {"padding", 5},
                   {"subsample", 2}});
  } else {
    loader.update({{"_target_", sridhar + "dataloaders.white_noise_loader"},
                   {"train_image_path", train},
                   {"test_image_path", test},
                   {"extra_frame", 1},
                   {"cache_maxsize", 1}});
  }
  return {{"data_io",
           {{"stimuli",
             {{"_target_", sridhar + "stimuli.build_movies_from_responses"},
              {"base_path", path},
              {"response_files", files},
              {"channels", 1},
              {"stimulus_seed", 0},
              {"stim_id_prefix", "x"}}},
            {"responses",
             {{"_target_", sridhar + "responses.response_splits_from_pickles"},
              {"base_path", path},
              {"files", files},
              {"excluded_cells", excluded},
              {"stimulus_seed", 0}}}}},
          {"dataloader", loader}};
}

std::string sridhar_refusal(const Json& config, const std::string& path) {
  try {
    const auto recordings = read(config);
    split(recordings, read_loader(config::from_json(config)), 5);
  } catch (const Error& e) {
    std::string text = e.what();
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path)) text.replace(at, path.size(), "");
    return text;
  }
  return "accepted";
}

void check_sridhar(const std::string& kind, const std::vector<std::string>& retinas, double tolerance) {
  const std::string layout = "sridhar_2025_" + kind;
  const Json config = sridhar_config(published + layout, kind, retinas);
  const auto recordings = read(config);
  REQUIRE(recordings.sessions.size() == 2);
  const auto loader = read_loader(config::from_json(config));
  CHECK(loader.train_chunk_size == 6 + 3 + 2);  // what is predicted, and what kernels of 4 and 3 frames need before it
  const auto parts = split(recordings, loader, 5);
  for (size_t i = 0; i < 2; ++i) {
    const std::string place = published + "expected/" + layout + "_" + retinas[i] + "_";
    CHECK(recordings.sessions[i].name == retinas[i]);
    CHECK(recordings.sessions[i].info.at("locations").equal(read_npy(place + "locations.npy")));
    CHECK(
        recordings.sessions[i].tests[0].repeats.equal(read_npy(place + "repeats.npy").slice(2, kind == "wn" ? 1 : 0)));
    const std::pair<const char*, const Part*> both[] = {{"train", &parts.train[i]},
                                                        {"validation", &parts.validation[i]}};
    for (const auto& [name, part] : both) {
      const at::Tensor trials = read_npy(place + name + "_trials.npy");
      REQUIRE(static_cast<int64_t>(part->stretches.size()) == trials.numel());
      for (int64_t k = 0; k < trials.numel(); ++k)
        CHECK(static_cast<int64_t>(part->stretches[k].trial) == trials[k].item<int64_t>());
      CHECK(part->windows.size() == part->stretches.size() * 5);
    }
    for (const char* name : {"train", "validation", "test"}) {
      const Part& part = name == std::string("train")  ? parts.train[i]
                         : name == std::string("test") ? parts.tests[i]
                                                       : parts.validation[i];
      INFO(place << name);
      const at::Tensor inputs = read_npy(place + name + "_inputs.npy"),
                       targets = read_npy(place + name + "_targets.npy");
      Part own = part;
      own.length = inputs.size(2);
      std::vector<Window> windows(part.windows.begin(), part.windows.begin() + (part.test ? 0 : 2));
      if (part.test) windows = {{0, 0}, {0, 6}};
      const Batch batch = gather(recordings, own, windows);
      CHECK(batch.stimulus.allclose(inputs, 0, tolerance));
      CHECK(batch.responses.slice(1, 5).allclose(targets, 0, 1e-6));
    }
  }
}

}  // namespace

TEST_CASE("Sridhar 2025, natural movie: frames, trials, responses and locations are openretina's") {
  check_sridhar("nm", {"01", "02"}, 5e-4);  // openretina rounds grey values to float16
  const auto recordings = read(sridhar_config(published + "sridhar_2025_nm", "nm", {"01", "02"}));
  const auto &a = recordings.sessions[0], &b = recordings.sessions[1];
  CHECK(a.train[0].stimulus->movie.is_alias_of(b.tests[0].stimulus->movie));  // the images, once
  CHECK(a.info.at("cell_indices").equal(at::tensor({0, 2}, at::kLong)));
  CHECK(a.tests[0].repeats.size(0) == 10);  // of 12: the others have another seed
}

TEST_CASE("Sridhar 2025, white noise: frames, trials, responses and locations are openretina's") {
  check_sridhar("wn", {"01", "04"}, 0);
  const auto recordings = read(sridhar_config(published + "sridhar_2025_wn", "wn", {"01", "04"}));
  CHECK(recordings.sessions[1].train[2].stimulus->movie.scalar_type() == at::kByte);  // a file of bool, not converted
  CHECK(recordings.sessions[0].train[2].stimulus->movie.scalar_type() == at::kDouble);
}

TEST_CASE("whole trials are drawn as published, and windows of training keep their places") {
  const TrialSplit split;
  const auto ten = split.draw(10), twenty = split.draw(20);
  CHECK(ten.train == std::vector<int64_t>{2, 6, 5, 1, 4, 9, 0, 8});
  CHECK(ten.validation == std::vector<int64_t>{7, 3});
  CHECK(twenty.train == std::vector<int64_t>{16, 11, 18, 10, 12, 5, 6, 17, 9, 19, 0, 2, 7, 14, 15, 13});
  CHECK(twenty.validation == std::vector<int64_t>{3, 1, 8, 4});
  CHECK(TrialSplit{.final_training = true}.draw(10).train.size() == 10);
  const auto some = TrialSplit{.first = 2, .count = 5}.draw(10);
  CHECK(some.train == std::vector<int64_t>{2, 6, 5, 4});
  CHECK(some.validation == std::vector<int64_t>{3});

  const Json config = sridhar_config(published + "sridhar_2025_wn", "wn", {"01", "04"});
  const auto recordings = read(config);
  const auto loader = read_loader(config::from_json(config));
  const auto parts = data::split(recordings, loader, 5);
  TrainStream stream(recordings, parts, loader, 3);
  CHECK(stream.steps_per_epoch() == 2 * 40);  // 16 trials of 5 windows, 2 a batch, 2 retinas
  std::vector<at::Tensor> seen;
  for (int64_t step = 0; step < stream.steps_per_epoch(); ++step) {
    const Batch batch = stream.next();
    if (batch.session == 0) seen.push_back(batch.stimulus.sum({1, 2, 3, 4}));
  }
  std::vector<Window> all = parts.train[0].windows;
  const auto sums = gather(recordings, parts.train[0], all).stimulus.sum({1, 2, 3, 4});
  CHECK(std::get<0>(at::cat(seen).sort()).allclose(std::get<0>(sums.sort())));  // each window once
  CHECK_FALSE(at::cat(seen).equal(sums));                                       // in another order
}

TEST_CASE("Sridhar 2025: what is missing or inconsistent is refused with file and fix") {
  const example::Folder folder;
  const std::string path = copied(folder, "sridhar_2025_nm"), noise = copied(folder, "sridhar_2025_wn");
  const Json good = sridhar_config(path, "nm", {"01", "02"}), good_noise = sridhar_config(noise, "wn", {"01", "04"});
  auto with = [](Json config, const std::string& knob, const Json& value) {
    config["dataloader"][knob] = value;
    return config;
  };
  CHECK(sridhar_refusal(good, path) == "accepted");
  CHECK(sridhar_refusal(with(good, "retina_index", "05"), path)
            .starts_with("dataloader.files: names none for retina '05'\n  fix: "));
  CHECK(sridhar_refusal(with(good, "cell_index", 9), path) ==
        "dataloader.cell_index: is 9, but retina '01' has 3 cells\n  fix: use 0 to 2");
  CHECK(sridhar_refusal(with(good, "full_img_w", 45), path) ==
        "/stimuli_padded_4/000_img_7.npy: has shape (44, 36), not (45, 36)\n  fix: store columns, rows, or correct "
        "full_img_w and full_img_h");
  CHECK(sridhar_refusal(with(good, "frame_file", "frame"), path).starts_with("/stimuli_padded_4: holds no image"));
  CHECK(sridhar_refusal(with(good, "big_crops", {{"01", 10}, {"02", 10}}), path).starts_with("crop: has 20 x 26 px"));
  CHECK(sridhar_refusal(with(good, "padding", 0), path).starts_with("accepted"));
  CHECK(sridhar_refusal(with(good, "padding", 2), path).find("where the screen does not lie in the image") !=
        std::string::npos);
  CHECK(sridhar_refusal(with(good, "sta_dir", "none"), path)
            .starts_with("/none/cell_data_01_WN_stas_cell_0.npy: no such file"));
  CHECK(sridhar_refusal(with(good, "time_chunk_size", 60), path) ==
        "dataloader.time_chunk_size: gives windows of 65 frames, but trial 7 of session '01' has 40\n  fix: use a "
        "shorter one, or a "
        "core that sees fewer past frames");
  CHECK(sridhar_refusal(with(good, "train_frac", 1.0), path)
            .starts_with("dataloader.train_frac: leaves session '01' no validation trial"));
  CHECK(sridhar_refusal(with(good, "time_chunk", 6), path).starts_with("dataloader.time_chunk: no such parameter"));
  CHECK(sridhar_refusal(with(good, "hard_coded", {{0, 1}, {12}}), path) ==
        "dataloader.hard_coded: names trial 12 of 10\n  fix: use 0 to 9");
  fs::resize_file(path + "/fixations/fixations.txt", 100);
  CHECK(sridhar_refusal(good, path).starts_with("/fixations/fixations.txt"));
  fs::remove(path + "/fixations/fixations.txt");
  CHECK(sridhar_refusal(good, path).starts_with("/fixations/fixations.txt: no such file"));
  const std::string responses = path + "/responses/cell_responses_01_fixation_movie.pkl";
  fs::resize_file(responses, fs::file_size(responses) / 2);
  CHECK(sridhar_refusal(good, path).starts_with("/responses/cell_responses_01_fixation_movie.pkl: "));

  CHECK(sridhar_refusal(good_noise, noise) == "accepted");
  const std::string trial = noise + "/non_repeating_stimuli_1/trial_004/all_images.npy";
  fs::resize_file(trial, 3000);
  CHECK(sridhar_refusal(good_noise, noise).starts_with("/non_repeating_stimuli_1/trial_004/all_images.npy: holds "));
  write_npy(trial, at::zeros({20, 26, 39}, at::kByte));
  CHECK(sridhar_refusal(good_noise, noise) ==
        "/non_repeating_stimuli_1/trial_004/all_images.npy: has 39 frames, but the responses have 40\n  fix: give the "
        "stimulus "
        "that belongs to these responses");
  write_npy(trial, at::zeros({20, 26, 40}).log());
  CHECK(
      sridhar_refusal(good_noise, noise).starts_with("/non_repeating_stimuli_1/trial_004/all_images.npy: holds -inf"));
  fs::remove(trial);
  CHECK(sridhar_refusal(good_noise, noise)
            .starts_with("/non_repeating_stimuli_1/trial_004/all_images.npy: no such file"));
}

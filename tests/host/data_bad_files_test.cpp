// Every file that cannot be trained on is refused with its place, what is wrong, and what to do.
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "data_example.h"

using namespace plexiform;
using namespace plexiform::data;
using config::Json;
namespace fs = std::filesystem;

namespace {

using Arrays = std::vector<std::pair<std::string, at::Tensor>>;

// A folder with stimuli noise (30 frames) and test (20), and a session s.h5 that is as it should
// be, until a test case spoils something.
class Spoilt : public example::Folder {
 public:
  Spoilt() {
    fs::create_directories(*this / "stimuli");
    stimulus("noise", example::movie(0, 1, 30, 2, 3));
    stimulus("test", example::movie(1, 1, 20, 2, 3));
    session("s.h5", good());
  }

  static Arrays good() {
    return {{"responses_noise", example::responses(0, 4, 30)}, {"responses_test", example::responses(1, 4, 20)}};
  }

  void stimulus(const std::string& name, const at::Tensor& movie) {
    write_npy(*this / ("stimuli/" + name + ".npy"), movie);
  }
  void session(const std::string& file, const Arrays& arrays) {
    Hdf5File session(*this / file, Hdf5File::Mode::create);
    for (const auto& [name, array] : arrays) session.write(name, array);
    session.close();
  }
  // The session's responses with one data set replaced.
  void replace(const std::string& data_set, const at::Tensor& array) {
    Arrays arrays = good();
    for (auto& [name, other] : arrays) {
      if (name == data_set) other = array;
    }
    session("s.h5", arrays);
  }

  // The error, with this folder written as DIR.
  std::string refusal(Json knobs = Json::object()) const {
    knobs["_target_"] = "plexiform.data.Hdf5Folder";
    if (!knobs.contains("path")) knobs["path"] = path();
    if (!knobs.contains("test_names")) knobs["test_names"] = {"test"};
    try {
      read_recordings(config::from_json({{"data_io", knobs}}));
    } catch (const Error& error) {
      std::string text = error.what();
      for (size_t at; (at = text.find(path())) != std::string::npos;) {
        text.replace(at, path().size(), "DIR");
      }
      return text;
    }
    return "accepted";
  }
};

}  // namespace

TEST_CASE("an example that is not spoilt is accepted") { CHECK(Spoilt().refusal() == "accepted"); }

TEST_CASE("a folder that is not there") {
  const Spoilt folder;
  CHECK(folder.refusal({{"path", folder / "elsewhere"}}) ==
        "data_io.path: there is no folder DIR/elsewhere\n"
        "  fix: give the folder that holds stimuli/ and one HDF5 file per session; plexiform create-data makes a "
        "simulated one");
  CHECK(folder.refusal({{"path", folder / "s.h5"}}) ==
        "data_io.path: DIR/s.h5 is a file\n"
        "  fix: give the folder that holds it; a single file of recordings is read by data_io=recordings_file");
}

TEST_CASE("a folder without sessions") {
  const Spoilt folder;
  fs::remove(folder / "s.h5");
  CHECK(folder.refusal() ==
        "DIR: holds no session (no .h5 or .hdf5 file)\n"
        "  fix: give the folder that holds stimuli/ and one HDF5 file per session");
}

TEST_CASE("a session that was not fetched: a link that leads nowhere") {
  const Spoilt folder;
  fs::create_symlink("/nowhere/t.h5", folder / "t.h5");
  CHECK(folder.refusal().starts_with("DIR/t.h5: is a link that leads nowhere"));
}

TEST_CASE("two files of one session") {
  Spoilt folder;
  folder.session("s.hdf5", Spoilt::good());
  const std::string refusal = folder.refusal();
  CHECK(refusal.ends_with(": is a second file of session 's'\n  fix: rename one of them"));
}

TEST_CASE("a folder without stimuli") {
  const Spoilt folder;
  fs::remove_all(folder / "stimuli");
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: there is no stimulus 'noise'\n"
        "  fix: add DIR/stimuli/noise.npy, or stimulus_noise to the session");
}

TEST_CASE("responses to a stimulus that is called otherwise") {
  const Spoilt folder;
  fs::rename(folder / "stimuli/noise.npy", folder / "stimuli/noises.npy");
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: there is no stimulus 'noise' (but there is 'noises')\n"
        "  fix: add DIR/stimuli/noise.npy, or stimulus_noise to the session");
}

TEST_CASE("a session without responses") {
  Spoilt folder;
  folder.session("empty.h5", {{"session_info/cell_id", at::zeros({3})}});
  CHECK(folder.refusal() ==
        "DIR/empty.h5: holds no responses (no data set responses_<stimulus>)\n"
        "  fix: add them, shape (neurons, frames), or move the file away");
}

TEST_CASE("a session of no neurons") {
  Spoilt folder;
  folder.replace("responses_noise", at::zeros({0, 30}));
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: is empty: shape (0, 30) as (N, T)\n"
        "  fix: store at least one neuron, or move the file away");
}

TEST_CASE("a session that saw test stimuli only") {
  Spoilt folder;
  folder.session("s.h5", {Spoilt::good()[1]});
  CHECK(folder.refusal() ==
        "DIR/s.h5: holds responses to test stimuli only\n"
        "  fix: add responses to another stimulus, or take one out of test_names (test)");
}

TEST_CASE("a test that nobody saw") {
  const Spoilt folder;
  CHECK(folder.refusal({{"test_names", {"tast"}}}) ==
        "data_io.test_names: no session has responses to 'tast'\n  fix: did you mean 'test'?");
}

TEST_CASE("a movie of three axes") {
  Spoilt folder;
  folder.stimulus("noise", at::zeros({30, 2, 3}));
  CHECK(folder.refusal() ==
        "DIR/stimuli/noise.npy: has shape (30, 2, 3), not (C, T, H, W)\n"
        "  fix: store channels, frames, rows, columns; one channel is an axis of length 1");
}

TEST_CASE("a movie without frames") {
  Spoilt folder;
  folder.stimulus("noise", at::zeros({1, 0, 2, 3}));
  CHECK(folder.refusal() == "DIR/stimuli/noise.npy: is empty: shape (1, 0, 2, 3)\n  fix: store at least one frame");
}

TEST_CASE("a movie of another size than the config says") {
  const Spoilt folder;
  CHECK(folder.refusal({{"stimulus_size", {3, 2, 3}}}) ==
        "DIR/stimuli/noise.npy: has (C, H, W) (1, 2, 3), but stimulus_size has (3, 2, 3)\n"
        "  fix: set stimulus_size to [1, 2, 3], or mend the file");
  CHECK(folder.refusal({{"stimulus_size", {2, 3}}}) ==
        "data_io.stimulus_size: has 2 entries\n  fix: use [channels, height, width], or null");
}

TEST_CASE("movies of two sizes") {
  Spoilt folder;
  folder.stimulus("test", at::zeros({1, 20, 3, 2}));
  CHECK(folder.refusal() ==
        "DIR/stimuli/test.npy: has (C, H, W) (1, 3, 2), but DIR/stimuli/noise.npy has (1, 2, 3)\n"
        "  fix: give all stimuli the same size");
}

TEST_CASE("a session's own movie of another size") {
  Spoilt folder;
  Arrays arrays = Spoilt::good();
  arrays.emplace_back("stimulus_test", at::zeros({1, 20, 2, 4}));
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /stimulus_test: has (C, H, W) (1, 2, 4), but DIR/stimuli/noise.npy has "
        "(1, 2, 3)\n  fix: give all stimuli the same size");
}

TEST_CASE("a movie with NaN or infinity") {
  Spoilt folder;
  auto movie = example::movie(0, 1, 30, 2, 3);
  movie[0][17][1][2].fill_(NAN);
  folder.stimulus("noise", movie);
  CHECK(folder.refusal() ==
        "DIR/stimuli/noise.npy: holds nan at channel 0, frame 17, row 1, column 2\n"
        "  fix: store finite values");
  movie[0][17][1][2].fill_(INFINITY);
  folder.stimulus("noise", movie.to(at::kHalf));
  CHECK(folder.refusal() ==
        "DIR/stimuli/noise.npy: holds inf at channel 0, frame 17, row 1, column 2\n"
        "  fix: store finite values");
}

TEST_CASE("training movies that never change") {
  Spoilt folder;
  folder.stimulus("noise", at::full({1, 30, 2, 3}, 7));
  CHECK(folder.refusal({{"norm_std", nullptr}}) ==
        "data_io.norm_std: is null, but all training stimuli are 7 everywhere\n"
        "  fix: use stimuli that vary, or give norm_std");
  CHECK(folder.refusal({{"norm_std", 1}}) == "accepted");
}

TEST_CASE("responses of one axis, repeats of two") {
  Spoilt folder;
  folder.replace("responses_noise", at::zeros({30}));
  CHECK(folder.refusal() == "DIR/s.h5: /responses_noise: has shape (30), not (N, T)\n  fix: store neurons, frames");
  Arrays arrays = Spoilt::good();
  arrays.emplace_back("repeats_test", at::zeros({4, 20}));
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /repeats_test: has shape (4, 20), not (R, N, T)\n"
        "  fix: store repeats, neurons, frames");
}

TEST_CASE("responses of another length than their stimulus") {
  Spoilt folder;
  for (const std::string frames : {"29", "31"}) {
    folder.replace("responses_noise", at::zeros({4, std::stoi(frames)}));
    CHECK(folder.refusal() == "DIR/s.h5: /responses_noise: has " + frames + " frames (shape (4, " + frames +
                                  ") as (N, T)), but DIR/stimuli/noise.npy has 30\n"
                                  "  fix: store one response per frame of the stimulus");
  }
}

TEST_CASE("responses with their axes swapped") {
  Spoilt folder;
  folder.replace("responses_noise", at::zeros({30, 4}));
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: has 4 frames (shape (30, 4) as (N, T)), but "
        "DIR/stimuli/noise.npy has 30\n  fix: reorder its axes to (N, T)");
}

TEST_CASE("data sets of one session with unlike numbers of neurons") {
  Spoilt folder;
  folder.replace("responses_test", at::zeros({5, 20}));
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_test: has 5 neurons, but the session's other data sets have 4\n"
        "  fix: store the same neurons for every stimulus");
}

TEST_CASE("responses with NaN or infinity") {
  Spoilt folder;
  auto responses = example::responses(0, 4, 30);
  responses[2][11].fill_(NAN);
  folder.replace("responses_noise", responses);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: holds nan at neuron 2, frame 11\n"
        "  fix: leave out the neuron or the trial");
  responses[2][11].fill_(-INFINITY);
  folder.replace("responses_noise", responses);
  CHECK(folder.refusal({{"allow_negative", true}}) ==
        "DIR/s.h5: /responses_noise: holds -inf at neuron 2, frame 11\n"
        "  fix: leave out the neuron or the trial");
}

TEST_CASE("responses below zero") {
  Spoilt folder;
  auto responses = example::responses(0, 4, 30);
  responses[3][29].fill_(-0.5);
  folder.replace("responses_noise", responses);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /responses_noise: holds -0.5 at neuron 3, frame 29\n"
        "  fix: store counts or rates, or set data_io.allow_negative=true for a loss that takes such "
        "responses");
  CHECK(folder.refusal({{"allow_negative", true}}) == "accepted");
}

TEST_CASE("repeats with NaN") {
  Spoilt folder;
  Arrays arrays = Spoilt::good();
  auto repeats = at::stack({arrays[1].second, arrays[1].second});
  repeats[1][0][3].fill_(NAN);
  arrays.emplace_back("repeats_test", repeats);
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /repeats_test: holds nan at repeat 1, neuron 0, frame 3\n"
        "  fix: leave out the neuron or the trial");
}

TEST_CASE("repeats whose mean is not the response") {
  Spoilt folder;
  Arrays arrays = Spoilt::good();
  auto repeats = at::stack({arrays[1].second, arrays[1].second});
  arrays.emplace_back("repeats_test", repeats);
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() == "accepted");
  repeats[1][2][3].add_(8);
  arrays.back().second = repeats;
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /repeats_test: has the mean 1007.25 over repeats at neuron 2, frame 3, where "
        "the responses have 1003.25\n"
        "  fix: store both in one unit, repeats as (R, N, T), or leave out the responses");
}

TEST_CASE("a frame rate that is none") {
  Spoilt folder;
  Arrays arrays = Spoilt::good();
  arrays.emplace_back("session_info/frame_rate_hz", at::zeros({}));
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() == "DIR/s.h5: /session_info/frame_rate_hz: is 0\n  fix: store one number above 0, in Hz");
  arrays.back().second = at::zeros({2});
  folder.session("s.h5", arrays);
  CHECK(folder.refusal() ==
        "DIR/s.h5: /session_info/frame_rate_hz: is not a single number\n"
        "  fix: store one number above 0, in Hz");
}

TEST_CASE("files that end too early or are something else") {
  const Spoilt folder;
  for (const std::string name : {"stimuli/noise.npy", "s.h5"}) {
    const auto size = fs::file_size(folder / name);
    for (const auto left : {size - 1, size / 2, uintmax_t{10}, uintmax_t{0}}) {
      const Spoilt truncated;
      fs::resize_file(truncated / name, left);
      CHECK(truncated.refusal().starts_with("DIR/" + name + ": "));
    }
    const Spoilt other;
    std::ofstream(other / name) << "neuron,frame,count\n";
    CHECK(other.refusal().starts_with("DIR/" + name + ": "));
  }
}

TEST_CASE("a reader that does not exist") {
  auto refusal = [](const Json& node) -> std::string {
    try {
      read_recordings(config::from_json(node));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(refusal({{"data", 1}}) ==
        "data_io: is missing\n  fix: add _target_: plexiform.data.Hdf5Folder to a node of that "
        "name");
  CHECK(refusal({{"data_io", {{"path", "x"}}}}) ==
        "data_io: has no _target_\n  fix: add _target_: plexiform.data.Hdf5Folder");
  CHECK(refusal({{"data_io", {{"_target_", "plexiform.data.HdfFolder"}}}}) ==
        "data_io._target_: no reader is called 'plexiform.data.HdfFolder'\n"
        "  fix: did you mean 'plexiform.data.Hdf5Folder'?");
  const std::string theirs = "openretina.data_io.h5_dataset_reader.load_";
  CHECK(refusal({{"data_io",
                  {{"stimuli", {{"_target_", theirs + "stimulus"}}},
                   {"responses", {{"_target_", theirs + "responses"}}}}}}) ==
        "data_io.stimuli._target_: no reader is called '" + theirs +
            "stimulus'\n"
            "  fix: did you mean '" +
            theirs + "stimuli'?");
}

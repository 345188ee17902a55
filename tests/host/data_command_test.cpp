// plexiform data inspect, check and convert, through the command; and what recognise() says of files and folders.
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <data/recognise.h>
#include <plexiform/error.h>
#undef CHECK  // c10's would hide Catch's

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../trainable.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

const std::string published = TEST_DATA "/published/";

// The output of a command that succeeds.
std::string said(const Folder& folder, const std::vector<std::string>& arguments, int code = 0) {
  const auto ran = run(arguments, folder / "log");
  INFO(ran.output);
  CHECK(ran.code == code);
  return ran.output;
}

}  // namespace

TEST_CASE("files and folders are recognised by what is in them") {
  using data::recognise;
  CHECK(recognise(published + "goldin_2022").layout == "plexiform.data.Goldin2022");
  CHECK(recognise(published + "goldin_2022").what.ends_with("mouse and axolotl"));
  CHECK(recognise(published + "maheswaranathan_2023/").layout == "plexiform.data.Maheswaranathan2023");
  CHECK(recognise(published + "karamanlis_2024").layout == "plexiform.data.Karamanlis2024");
  CHECK(recognise(published + "sridhar_2025_nm").config == "vystrcilova_2024_nm_cnn");
  CHECK(recognise(published + "sridhar_2025_wn").config == "vystrcilova_2024_wn_cnn");
  const auto generic = recognise(small_recording());
  CHECK(generic.layout == "plexiform.data.Hdf5Folder");
  CHECK(generic.overrides.back() == "data_io.test_names=[test_noise,test_texture]");

  const auto part = [](const std::string& path) {
    const auto found = recognise(path);
    CHECK(found.layout.empty());
    CHECK_FALSE(found.fix.empty());
    return found.what;
  };
  CHECK(part(small_recording() + "/retina_1.h5") == "a session of the generic layout, an HDF5 file");
  CHECK(
      part(small_recording() + "/stimuli/noise.npy").starts_with("an array of shape (1, 2000, 20, 24), Byte: a movie"));
  CHECK(part(published + "goldin_2022/axolotl_1.h5").starts_with("a session of the layout of Goldin"));
  CHECK(part(published + "karamanlis_2024/mouse_1/mouse_1_fixationmovie_data.mat")
            .starts_with("a session of the layout of Karamanlis"));
  CHECK(part(published + "sridhar_2025_nm/responses/cell_responses_01_fixation_movie.pkl")
            .starts_with("the responses of a retina of Sridhar"));
  CHECK(part(published + "maheswaranathan_2023/ganglion_cell_data")
            .starts_with("a part of the layout of Maheswaranathan"));
  CHECK(part(SOURCE_DIR "/CMakeLists.txt").starts_with("no recording"));
  CHECK(part(SOURCE_DIR "/configs").starts_with("a folder of no known layout, with data_io/"));
  const Folder folder;
  CHECK(part(folder.path.string()) == "an empty folder");
  std::ofstream(folder / "a.zip") << "PK\3\4 and so on";
  CHECK(part(folder / "a.zip") == "a zip archive");
  data::Hdf5File other(folder / "other.h5", data::Hdf5File::Mode::create);
  other.write("x", at::zeros({3}));
  other.close();
  CHECK(part(folder / "other.h5") == "an HDF5 file of no known layout, with x");
  CHECK_THROWS_AS(recognise(folder / "nothing"), Error);
}

TEST_CASE("inspect says what each layout of create-data is and holds, and convert makes a file of it") {
  for (const std::string layout :
       {"hdf5_folder", "hoefling_2024_low_res", "maheswaranathan_2023", "goldin_2022", "karamanlis_2024",
        "sridhar_2025_natural_movie", "sridhar_2025_white_noise", "sensorium"}) {
    INFO(layout);
    const Folder folder;
    const std::string path = folder / "made";
    std::vector<std::string> make = {"create-data", path, "--layout", layout, "--frames=150"};
    if (layout.starts_with("hoefling") || layout.starts_with("sridhar")) make.push_back("--trials=4");
    if (layout.starts_with("karamanlis")) make.push_back("--trials=2");
    said(folder, make);
    const auto inspected = Json::parse(said(folder, {"data", "inspect", path, "--json"}));
    const auto& session = inspected["sessions"].at(0);
    CHECK(session["neurons"] > 1);
    CHECK(session["train"].at(0)["frames"] > 50);
    const auto converted = said(folder, {"data", "convert", path, folder / "all.h5"});
    CHECK_THAT(converted, ContainsSubstring("plexiform train "));
    auto again = Json::parse(said(folder, {"data", "inspect", folder / "all.h5", "--json"}));
    CHECK(again["layout"] == "plexiform.data.RecordingsFile");
    for (const char* key : {"channels", "height", "width"}) CHECK(again[key] == inspected[key]);
    REQUIRE(again["sessions"].size() == inspected["sessions"].size());
    for (const char* key : {"name", "neurons", "frame_rate_hz", "mean_response", "tests", "traces"})
      CHECK(again["sessions"][0][key] == session[key]);
  }
}

TEST_CASE("inspect shows sessions with neurons, rates, repeats and reliability in a table") {
  const Folder folder;
  const auto text = said(folder, {"data", "inspect", small_recording()});
  CHECK_THAT(text, ContainsSubstring("the generic layout: stimuli/ and an HDF5 file per session"));
  CHECK_THAT(text, ContainsSubstring("session   neurons  rate, Hz  trials     frames  mean response  test          "
                                     "frames  repeats  noise ceiling\nretina_1"));
  CHECK_THAT(text,
             ContainsSubstring("\n1 sessions, 3 neurons, 4000 training frames; noise ceiling: median over neurons\n"));
  CHECK_THAT(text,
             ContainsSubstring("of cells   cell_type, frame_rate_hz, position\nof frames  none\nmissing    nothing\n"));
}

TEST_CASE("check exits 0 on sound recordings, 1 where something would spoil a training") {
  const Folder folder;
  CHECK_THAT(said(folder, {"data", "check", small_recording()}), ContainsSubstring(": 0 faults, "));
  const std::string path = folder / "copy";
  fs::copy(small_recording(), path, fs::copy_options::recursive);
  fs::copy_file(path + "/stimuli/noise.npy", path + "/stimuli/noise_again.npy");
  data::Hdf5File session(path + "/retina_2.h5", data::Hdf5File::Mode::create);
  const data::Hdf5File first(path + "/retina_1.h5");
  session.write("responses_noise", first.read("responses_noise"));
  session.write("repeats_noise_again", first.read("responses_noise").mul(0).unsqueeze(0));
  session.close();
  const auto text = said(folder, {"data", "check", path}, 1);
  CHECK_THAT(text, ContainsSubstring("fault  retina_2: 2000 of 2000 frames of test 'noise_again' are in the training "
                                     "too, the first is frame 0\n  fix: "));
  const auto json = Json::parse(said(folder, {"data", "check", path, "--json"}, 1));
  CHECK(json["faults"].at(0)["kind"] == "duplicated_frames");

  data::write_npy(path + "/stimuli/noise.npy", at::zeros({1, 1999, 20, 24}));
  CHECK_THAT(said(folder, {"data", "check", path}, 1),
             ContainsSubstring("fault  " + path + "/retina_1.h5: /responses_noise: has 2000 frames"));
}

TEST_CASE("responses below zero are refused until they are said to be meant") {
  const Folder folder;
  const std::string path = folder / "copy", meant = "data_io.allow_negative=true";
  fs::copy(small_recording(), path, fs::copy_options::recursive);
  data::Hdf5File session(path + "/retina_2.h5", data::Hdf5File::Mode::create);
  session.write("responses_noise", data::Hdf5File(path + "/retina_1.h5").read("responses_noise").to(at::kFloat).neg());
  session.close();
  for (const char* command : {"inspect", "check"}) {
    CHECK_THAT(said(folder, {"data", command, path}, 1), ContainsSubstring("or set " + meant + " for a loss that"));
    said(folder, {"data", command, path, meant});
  }
  said(folder, {"data", "convert", path, folder / "all.h5", meant});
  said(folder, {"data", "inspect", folder / "all.h5"});  // the file says that they are meant
}

TEST_CASE("what cannot be converted is refused, and nothing is left") {
  const Folder folder;
  const auto refused = [&](const std::vector<std::string>& words, const std::string& sentence, int code = 1) {
    std::vector<std::string> arguments = {"data"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    CHECK_THAT(said(folder, arguments, code), ContainsSubstring(sentence));
    for (const auto& entry : fs::directory_iterator(folder.path)) {
      const std::string name = entry.path().filename();
      CHECK((name == "log" || name == "copy" || name == "there.h5"));
    }
  };
  std::ofstream(folder / "there.h5") << "mine";
  refused({"convert", small_recording(), folder / "there.h5"}, "/there.h5: is there already");
  CHECK(content(folder / "there.h5") == "mine");
  refused({"convert", small_recording(), folder / "generic"}, ": has the generic layout already\n  fix: name a file");
  refused({"convert", small_recording(), folder / "a.h5", "data_io.test_names=[test_nois]"},
          "data_io.test_names: no session has responses to 'test_nois'");
  refused({"convert", small_recording() + "/retina_1.h5", folder / "a.h5"},
          "is a session of the generic layout, an HDF5 file\n  fix: give its folder");
  refused({"convert", published + "goldin_2022", folder / "a.h5", "--link"},
          "--link: goes with a generic folder and a file");
  fs::copy(small_recording(), folder / "copy", fs::copy_options::recursive);
  fs::resize_file(folder / "copy/stimuli/noise.npy", 5000);
  for (const char* out : {"a.h5", "folder"})
    refused({"convert", folder / "copy", folder / out},
            out == std::string("folder") ? "has the generic layout already" : "/copy/stimuli/noise.npy: holds ");
  refused({"inspect", folder / "nowhere"}, "/nowhere: no such file");
  refused({"inspect"}, "PATH is required", 2);
  refused({"inspekt"}, "did you mean 'inspect'?", 2);
  refused({}, "plexiform data inspect, check or convert", 2);
}

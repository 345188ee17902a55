// tests/data/hoefling_2024/make.py made the files and, with NumPy, the expected values.
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <data/pickled_arrays.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "data_example.h"

using namespace plexiform;
using namespace plexiform::data;

namespace {

const std::string folder = std::string(TEST_DATA) + "/hoefling_2024/";

// The config of openretina's experiment, in its names.
Json published(const std::string& movies = "movies.pkl", const std::string& responses = "responses.h5") {
  const std::string there = "openretina.data_io.hoefling_2024.", files = "openretina.utils.";
  auto local = [&](const std::string& file) {
    const std::string path = file.starts_with("/") ? file : folder + file;
    return Json{
        {"_target_", files + "file_utils.get_local_file_path"}, {"file_path", path}, {"cache_folder", "/nowhere"}};
  };
  const Json loaded = {{"_target_", files + "h5_handling.load_h5_into_dict"}, {"file_path", local(responses)}};
  const Json filtered = {{"_target_", there + "responses.filter_responses"},
                         {"filter_cell_types", true},
                         {"cell_types_list", {1, 2, 3, 5, 12}},
                         {"chirp_qi", 0.35},
                         {"d_qi", 0.6},
                         {"qi_logic", "or"},
                         {"filter_counts", false},
                         {"classifier_confidence", 0.25},
                         {"verbose", true},
                         {"all_responses", loaded}};
  return {{"data_io",
           {{"stimuli", {{"_target_", there + "stimuli.movies_from_pickle"}, {"file_path", local(movies)}}},
            {"responses",
             {{"_target_", there + "responses.make_final_responses"},
              {"response_type", "natural"},
              {"data_dict", filtered}}}}}};
}

Recordings read(const Json& values) { return read_recordings(config::from_json(values)); }

std::string refusal(const Json& values) {
  try {
    read(values);
  } catch (const Error& e) {
    std::string text = e.what();
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
      text.replace(at, folder.size(), "");
    return text;
  }
  return "accepted";
}

bool near(const at::Tensor& a, const std::string& expected) {
  return a.allclose(read_npy(folder + expected), 1e-5, 1e-6);
}

}  // namespace

TEST_CASE("natural movies of Hoefling 2024: responses are those that NumPy resamples") {
  for (const char* movies : {"movies.pkl", "movies_protocol_5.pkl"}) {
    const auto recordings = read(published(movies));
    REQUIRE(recordings.sessions.size() == 2);
    const Session& a = recordings.sessions[0];
    CHECK(a.name == "field_a");
    CHECK(a.neurons == 2);  // of four: one is of another type, one is of no certain type
    CHECK(near(a.train.at(0).responses, "train.npy"));
    CHECK(near(a.tests.at(0).repeats, "repeats.npy"));
    CHECK(near(a.info.at("positions"), "positions.npy"));
    CHECK(a.info.at("cell_type")[1].item<int64_t>() == 12);
  }
}

TEST_CASE("Hoefling 2024 with openretina's quirks: the s.d. is that of the whole recording") {
  auto values = published();
  values["compat"] = "openretina";
  CHECK(near(read(values).sessions[0].train[0].responses, "train_whole.npy"));
}

TEST_CASE("Hoefling 2024: a trace that changes in the tests alone has no s.d. in training to be divided by") {
  const example::Folder own;
  const std::string file = own / "responses.h5", traces = "natural_inferred_spikes";
  const Hdf5File original(folder + "responses.h5");
  Hdf5File changed(file, Hdf5File::Mode::create);
  for (const auto& name : original.names("field_a")) {
    if (name != traces) changed.copy(original, "field_a/" + name, "field_a/" + name);
  }
  changed.copy_attributes(original, "field_a", "field_a");
  const auto still = at::full({4, 300}, 0.1, at::kDouble);
  still.select(1, 10).fill_(1);  // 1.3 s: the first clip, a test, begins at 1 s
  changed.write("field_a/" + traces, still);
  changed.close();
  auto values = published("movies.pkl", file);
  CHECK(refusal(values) == file + ": /field_a/" + traces +
                               ": holds a trace that never changes\n  fix: leave that cell out, or filter by quality");
  values["compat"] = "openretina";
  CHECK(refusal(values) == "accepted");
}

TEST_CASE("all fields share one movie, each in its order of clips, mirrored for a left eye") {
  const auto recordings = read(published());
  const auto& [a, b] = std::tie(recordings.sessions[0], recordings.sessions[1]);
  CHECK(a.train[0].stimulus == b.train[0].stimulus);
  const auto movie = a.train[0].stimulus->movie;
  auto joined = [&](const std::vector<int64_t>& order) {
    std::vector<at::Tensor> clips;
    for (const int64_t k : order) clips.push_back(movie.slice(1, 150 * k, 150 * (k + 1)));
    return at::cat(clips, 1);
  };
  Part whole{.session = 0, .name = "train", .length = 600};
  CHECK(gather(recordings, whole, {{0, 0}}).stimulus[0].equal(joined({1, 3, 0, 2})));
  whole.session = 1;
  const auto mirrored = joined({2, 0, 3, 1}).flip(3);
  CHECK(gather(recordings, whole, {{0, 0}}).stimulus[0].equal(mirrored));
  Part inside{.session = 1, .name = "train", .length = 50};  // across the seam of two clips
  CHECK(gather(recordings, inside, {{0, 130}}).stimulus[0].equal(mirrored.slice(1, 130, 180)));
  Part test{.session = 1, .name = "test", .length = 150, .test = true};
  CHECK(gather(recordings, test, {{0, 0}}).stimulus[0].equal(b.tests[0].stimulus->movie.flip(3)));
}

TEST_CASE("validation clips are numbered as in the movie, whatever the order in which a session saw them") {
  auto values = published();
  values["dataloader"] = {{"_target_", "openretina.data_io.hoefling_2024.dataloaders.natmov_dataloaders_v2"},
                          {"batch_size", 4},
                          {"train_chunk_size", 50},
                          {"clip_length", 150},
                          {"validation_clip_indices", {0, 3}}};
  const auto recordings = read(values);
  const auto loader = read_loader(config::from_json(values));
  const auto parts = split(recordings, loader, 0);
  // sequences: 1 3 0 2 of field_a, 2 0 3 1 of field_b
  CHECK((parts.validation[0].windows == std::vector<Window>{{0, 300}, {0, 150}}));
  CHECK((parts.validation[1].windows == std::vector<Window>{{0, 150}, {0, 300}}));
  CHECK(gather(recordings, parts.validation[0], {{0, 300}})
            .stimulus[0]
            .equal(recordings.sessions[0].train[0].stimulus->movie.slice(1, 0, 150)));
  CHECK(parts.train[0].windows.size() == 6);
}

TEST_CASE("Hoefling 2024: what is missing, damaged or wicked is refused with a sentence") {
  const example::Folder own;
  CHECK(refusal(published("movis.pkl")) == "movis.pkl: no such file\n  fix: did you mean 'movies.pkl'?");
  CHECK(refusal(published("wicked.pkl")) ==
        "wicked.pkl: would have Python call posix.system, which no array needs\n  fix: do not open it with Python's "
        "pickle either, unless you know who made it; pickle a dict of arrays");
  CHECK(refusal(published("movies.pkl", "movies.pkl")) ==
        "movies.pkl: is not an HDF5 file\n  fix: write it with h5py or another HDF5 library, or remove it");
  auto values = published();
  values["data_io"]["stimuli"]["file_path"]["file_path"] = "https://huggingface.co/datasets/x/y/blob/main/a/b.zip";
  CHECK(refusal(values) ==
        "data_io.movies: https://huggingface.co/datasets/x/y/blob/main/a/b.zip is not on this machine, and nothing is "
        "downloaded without being asked\n  fix: fetch it and put it at /nowhere/a/b.zip, extracted beside it");
  {
    const Hdf5File whole(folder + "responses.h5");
    const std::string triggers = "natural_trigger_times";
    {
      const std::string spoilt = own / "sequence.h5";
      Hdf5File file(spoilt, Hdf5File::Mode::create);
      file.copy(whole, "", "");
      file.write_attribute(whole.names().front(), "scan_sequence_idx", std::string("5xyz"));
      file.close();
      CHECK(refusal(published("movies.pkl", spoilt))
                .find("has the scan_sequence_idx '5xyz'\n  fix: store which sequence") != std::string::npos);
    }
    for (const bool backwards : {true, false}) {
      const std::string spoilt = own / "spoilt.h5";
      Hdf5File file(spoilt, Hdf5File::Mode::create);
      for (std::string group : whole.names()) {
        group.pop_back();
        for (const auto& name : whole.names(group)) {
          if (name != triggers) file.copy(whole, group + "/" + name, group + "/" + name);
        }
        file.copy_attributes(whole, group, group);
        auto when = whole.read(group + "/" + triggers).to(at::kDouble);
        when = backwards ? when.flip(-1) : at::full_like(when, std::nan(""));
        file.write(group + "/" + triggers, when);
      }
      file.close();
      CHECK(refusal(published("movies.pkl", spoilt))
                .find(triggers + ": holds times that are no numbers, or do not increase") != std::string::npos);
    }
  }
  for (const int percent : {10, 50, 90, 99}) {  // a download that was cut short
    const std::string cut = own / "cut.pkl";
    std::filesystem::copy_file(folder + "movies.pkl", cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, std::filesystem::file_size(cut) * percent / 100);
    CHECK(refusal(published(cut)).starts_with(cut + ": "));
  }
}

// A file of our own and the generic folder hold the same, every layout becomes one, and training on it is the same.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <config/compose.h>
#include <config/resolve.h>
#include <data/array_files.h>
#include <data/batches.h>
#include <data/convert.h>
#include <data/recordings_file.h>
#undef CHECK  // c10's would hide Catch's

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>

#include "../trainable.h"
#include "data_example.h"
#include "data_reading.h"

using namespace plexiform;
using namespace plexiform::data;
using example::read;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> tests_of_example = {"s2"};

// Sessions a and b that saw s0; with a session's own stimulus, repeats, traces, text, and an attribute that nobody knows.
std::string write_folder(const std::string& path) {
  fs::create_directories(path + "/stimuli");
  for (int64_t k = 0; k < 3; ++k)
    write_npy(path + "/stimuli/s" + std::to_string(k) + ".npy",
              example::movie(k, 1, 30 + k, 2, 3).to(k == 1 ? at::kDouble : at::kFloat));
  Hdf5File a(path + "/a.h5", Hdf5File::Mode::create), b(path + "/b.hdf5", Hdf5File::Mode::create);
  for (int64_t k = 0; k < 3; ++k) {
    a.write("responses_s" + std::to_string(k), example::responses(k, 4, 30 + k));
    a.write("traces/s" + std::to_string(k) + "/pupil", example::responses(k, 2, 30 + k).sub(50));
  }
  a.write("session_info/frame_rate_hz", at::full({}, 30.0, at::kDouble));
  a.write("session_info/position", at::arange(8, at::kFloat).view({4, 2}));
  a.write_text("session_info/species", "salamander");
  a.write("spikes/cell_0", at::arange(5, at::kDouble));
  a.write_attribute("", "rig", std::string("MEA 252"));
  a.write_attribute("responses_s0", "units", std::string("spikes per frame"));
  a.close();
  b.write("stimulus_s1", example::movie(7, 1, 20, 2, 3));
  b.write("responses_s0", example::responses(0, 5, 30).to(at::kByte));
  b.write("responses_s1", example::responses(7, 5, 20).to(at::kDouble));
  const auto once = example::responses(2, 5, 32);
  b.write("repeats_s2", at::stack({once.sub(1), once, once.add(4)}));
  b.close();
  return path;
}

Recordings read_folder(const std::string& path) {
  return read(
      {{"data_io", {{"_target_", "plexiform.data.Hdf5Folder"}, {"path", path}, {"test_names", tests_of_example}}}});
}

Recordings read_file(const std::string& path, Json knobs = Json::object()) {
  knobs["_target_"] = "plexiform.data.RecordingsFile";
  knobs["path"] = path;
  return read({{"data_io", knobs}});
}

Hdf5FolderParams folder_params(const std::string& path) {
  Hdf5FolderParams params;
  params.path = path;
  params.test_names = tests_of_example;
  return params;
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.scalar_type() == b.scalar_type() && a.equal(b);
}

// A stimulus that is cut or ordered is the same where its numbers are.
void check_same(const std::vector<Trial>& a, const std::vector<Trial>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const auto &one = *a[i].stimulus, &other = *b[i].stimulus;
    INFO(one.name);
    CHECK(same(a[i].responses, b[i].responses));
    CHECK(same(a[i].repeats, b[i].repeats));
    CHECK(one.mean == other.mean);
    CHECK(one.std == other.std);
    CHECK(one.movie.to(at::kFloat).equal(other.movie.to(at::kFloat)));
    CHECK(a[i].view.clips == b[i].view.clips);
    CHECK(a[i].view.mirrored == b[i].view.mirrored);
    REQUIRE((one.cuts == nullptr) == (other.cuts == nullptr));
    if (one.cuts) {
      CHECK(one.cuts->frames.size() == other.cuts->frames.size());
      CHECK(one.cuts->step == other.cuts->step);
    }
    REQUIRE(a[i].traces.size() == b[i].traces.size());
    for (size_t k = 0; k < a[i].traces.size(); ++k) {
      CHECK(a[i].traces[k].name == b[i].traces[k].name);
      CHECK(same(a[i].traces[k].tensor, b[i].traces[k].tensor));
    }
  }
}

void check_same(const Recordings& a, const Recordings& b) {
  REQUIRE(a.sessions.size() == b.sessions.size());
  CHECK(a.channels == b.channels);
  CHECK(a.height == b.height);
  CHECK(a.width == b.width);
  for (size_t i = 0; i < a.sessions.size(); ++i) {
    const Session &one = a.sessions[i], &other = b.sessions[i];
    INFO(one.name);
    CHECK(one.name == other.name);
    CHECK(one.neurons == other.neurons);
    CHECK(one.frame_rate_hz == other.frame_rate_hz);
    CHECK(one.discard_frames == other.discard_frames);
    check_same(one.train, other.train);
    check_same(one.tests, other.tests);
    for (const auto& [key, values] : one.info) {
      INFO(key);
      REQUIRE(other.info.contains(key));
      CHECK(same(values, other.info.at(key)));
    }
  }
}

// Everything below a group: paths with arrays or texts.
std::map<std::string, std::string> content_of(const Hdf5File& file, const std::string& group = "") {
  std::map<std::string, std::string> all;
  for (std::string name : file.names(group)) {
    const bool is_group = name.ends_with("/");
    if (is_group) name.pop_back();
    const std::string path = group.empty() ? name : group + "/" + name;
    if (is_group) {
      all[path] = "group";
      all.merge(content_of(file, path));
    } else if (file.is_text(path)) {
      all[path] = file.read_text(path);
    } else {
      const auto values = file.read(path).contiguous();
      all[path] = c10::toString(values.scalar_type()) +
                  std::string(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
    }
    for (const char* attribute : {"split", "units", "stimulus_mean", "frame_rate_hz", "clip_length"}) {
      if (const auto value = file.attribute(path, attribute)) all[path + "@" + attribute] = *value;
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a generic folder becomes a file and a folder again, and nothing is lost") {
  const example::Folder folder;
  const std::string generic = write_folder(folder / "generic"), file = folder / "all.h5", back = folder / "back",
                    again = folder / "again.h5";
  pack_hdf5_folder(folder_params(generic), file, {"generic", "plexiform.data.Hdf5Folder", "{}"});
  check_same(read_folder(generic), read_file(file));

  const Hdf5File packed(file);
  CHECK(packed.attribute("", "format") == "plexiform.recordings");
  CHECK(packed.attribute("", "source") == "generic");
  CHECK(packed.attribute("sessions/a", "rig") == "MEA 252");
  CHECK(packed.attribute("sessions/a/responses_s0", "units") == "spikes per frame");
  CHECK(packed.attribute("sessions/b/repeats_s2", "split") == "test");
  CHECK(packed.read_text("sessions/a/session_info/species") == "salamander");
  CHECK(packed.read("sessions/a/spikes/cell_0").equal(at::arange(5, at::kDouble)));
  CHECK(packed.read("sessions/b/responses_s0").scalar_type() == at::kByte);
  CHECK(packed.read("stimuli/s1").scalar_type() == at::kDouble);

  fs::create_directory(back);
  unpack_recordings_file(file, back);
  check_same(read_folder(generic), read_folder(back));
  CHECK(Hdf5File(back + "/a.h5").attribute("", "rig") == "MEA 252");
  pack_hdf5_folder(folder_params(back), again, {"back", "", ""});
  CHECK(content_of(Hdf5File(again)) == content_of(packed));
  CHECK(Hdf5File(again).attribute("", "source") == "generic");  // where it is from does not change on the way
}

TEST_CASE("stimuli may stay in their .npy files, and HDF5's links are followed") {
  const example::Folder folder;
  const std::string generic = write_folder(folder / "generic"), file = folder / "all.h5";
  pack_hdf5_folder(folder_params(generic), file, {}, Stimuli::linked);
  CHECK(Hdf5File(file).read_text("stimuli/s0") == "generic/stimuli/s0.npy");
  check_same(read_folder(generic), read_file(file));
  fs::remove(generic + "/stimuli/s0.npy");
  try {
    read_file(file);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(std::string(e.what()) == file + ": /stimuli/s0: names " + generic +
                                       "/stimuli/s0.npy, which is not there\n  fix: put it there; the path is taken "
                                       "from the folder of this file on");
  }
}

TEST_CASE("test_names, normalisation and discarded frames of a config go before those of the file") {
  const example::Folder folder;
  const std::string generic = write_folder(folder / "generic"), file = folder / "all.h5";
  auto params = folder_params(generic);
  params.discard_frames = 3;
  params.norm_mean = 5;
  params.norm_std = 2;
  pack_hdf5_folder(params, file, {});
  CHECK(read_file(file).sessions[0].discard_frames == 3);
  CHECK(read_file(file).sessions[0].train[0].stimulus->mean == 5);
  const auto other =
      read_file(file, {{"test_names", {"s1"}}, {"discard_frames", 4}, {"norm_mean", 0}, {"norm_std", 1}});
  CHECK(other.sessions[0].tests[0].stimulus->name == "s1");
  CHECK(other.sessions[0].discard_frames == 4);
  CHECK(other.sessions[0].train[0].stimulus->std == 1);
}

TEST_CASE("large arrays of a file are mapped, and read the same") {
  const example::Folder folder;
  const at::Tensor movie = example::movie(0, 1, 300, 6, 5);
  Hdf5File made(folder / "a.h5", Hdf5File::Mode::create_large);
  made.write("stimuli/s0", movie);
  made.write("count", at::arange(5000, at::kInt));
  made.close();
  const Hdf5File file(folder / "a.h5");
  CHECK(file.read_or_map("stimuli/s0", 1000).equal(movie));
  CHECK(file.read_or_map("stimuli/s0", 1 << 30).equal(movie));
  CHECK(file.read_or_map("count", 1).equal(at::arange(5000, at::kInt)));
}

TEST_CASE("a file that is not finished leaves nothing, and the older one as it was") {
  const example::Folder folder;
  const std::string file = folder / "a.h5";
  {
    Hdf5File made(file, Hdf5File::Mode::create_large);
    made.write("x", at::arange(10000, at::kFloat));
  }
  CHECK(fs::is_empty(folder.path()));
  Hdf5File first(file, Hdf5File::Mode::create_large);
  first.write("x", at::arange(3, at::kFloat));
  first.close();
  const std::string before = content(file);
  {
    Hdf5File second(file, Hdf5File::Mode::create_large);
    second.write("x", at::arange(10000, at::kFloat));
  }
  CHECK(content(file) == before);
}

namespace {

// A good file, whose text an example spoils.
class Spoilt : public example::Folder {
 public:
  // The sentence by which a file is refused that is as it should be, but for what `change` does to it; FILE is its name.
  std::string refusal(const std::function<void(Hdf5File&)>& change, const std::string& leave_out = "") {
    const std::string file = *this / "r.h5";
    Hdf5File made(file, Hdf5File::Mode::create);
    auto write = [&](const std::string& path, const at::Tensor& values) {
      if (path != leave_out) made.write(path, values);
    };
    if (leave_out != "format") made.write_attribute("", "format", std::string("plexiform.recordings"));
    if (leave_out != "version") made.write_attribute("", "version", int64_t{1});
    write("stimuli/noise", example::movie(0, 1, 30, 2, 3));
    write("stimuli/test", example::movie(1, 1, 20, 2, 3));
    write("sessions/a/responses_noise", example::responses(0, 4, 30));
    write("sessions/a/responses_test", example::responses(1, 4, 20));
    if (leave_out != "sessions/a/responses_test")
      made.write_attribute("sessions/a/responses_test", "split", std::string("test"));
    change(made);
    made.close();
    const std::string said = example::refusal({{"_target_", "plexiform.data.RecordingsFile"}, {"path", file}}, path());
    for (const auto& entry : fs::directory_iterator(path())) CHECK(entry.path().filename() == "r.h5");
    return said;
  }
};

}  // namespace

TEST_CASE("files of our own that cannot be trained on are refused with data set and fix") {
  Spoilt folder;
  const std::string responses = "sessions/a/responses_noise";
  const auto nothing = [](Hdf5File&) {};
  const auto attribute = [](const std::string& path, const std::string& name, const auto& value) {
    return [=](Hdf5File& file) { file.write_attribute(path, name, value); };
  };
  const auto array = [](const std::string& path, const at::Tensor& values) {
    return [=](Hdf5File& file) { file.write(path, values); };
  };
  const auto cuts = [](const at::Tensor& rows, int64_t height) {
    return [=](Hdf5File& file) {
      file.write("sessions/a/cuts_noise", rows);
      file.write_attribute("sessions/a/cuts_noise", "height", height);
      file.write_attribute("sessions/a/cuts_noise", "width", int64_t{3});
    };
  };
  CHECK(folder.refusal(nothing) == "accepted");
  const struct {
    std::function<void(Hdf5File&)> change;
    std::string leave_out, said;
  } spoilt[] = {
      {nothing, "format", "/r.h5: is no recordings file: its attribute format is missing"},
      {attribute("", "format", std::string("other")), "",
       "/r.h5: is no recordings file: its attribute format is 'other'"},
      {attribute("", "version", int64_t{2}), "",
       "/r.h5: has version 2 of the format, known is 1\n  fix: use the Plexiform that wrote it"},
      {nothing, "version", "/r.h5: has version '' of the format"},
      {nothing, "stimuli/noise",
       "/r.h5: /sessions/a/responses_noise: there is no stimulus 'noise'\n  fix: add /stimuli/noise to /r.h5"},
      {nothing, responses, "/r.h5: /sessions/a: holds responses to test stimuli only\n  fix: "},
      {array("sessions/b/session_info/cell_id", at::zeros({3})), "", "/r.h5: /sessions/b: holds no responses"},
      {array("stimuli/group/s", at::zeros({3})), "", "/r.h5: /stimuli/group/: is a group, not a stimulus"},
      {array("sessions/x", at::zeros({3})), "", "/r.h5: /sessions/x: is no group"},
      {array("stimuli/noise", at::zeros({30, 2, 3})), "stimuli/noise",
       "/r.h5: /stimuli/noise: has shape (30, 2, 3), not (C, T, H, W)"},
      {array("stimuli/test", at::zeros({1, 20, 2, 4})), "stimuli/test",
       "/r.h5: /stimuli/test: has (C, H, W) (1, 2, 4), but"},
      {array("stimuli/noise", at::zeros({1, 30, 2, 3}).log()), "stimuli/noise",
       "/r.h5: /stimuli/noise: holds -inf at channel 0"},
      {array(responses, at::zeros({4, 29})), responses, "/r.h5: /sessions/a/responses_noise: has 29 frames"},
      {array(responses, at::zeros({5, 30})), responses,
       "/r.h5: /sessions/a/responses_test: has 4 neurons, but the session's other"},
      {array(responses, at::full({4, 30}, NAN)), responses,
       "/r.h5: /sessions/a/responses_noise: holds nan at neuron 0, frame 0"},
      {array(responses, at::full({4, 30}, -1)), responses,
       "/r.h5: /sessions/a/responses_noise: holds -1 at neuron 0, frame 0"},
      {array("sessions/a/repeats_test", at::zeros({2, 4, 20})), "",
       "/r.h5: /sessions/a/repeats_test: has the mean 0 over repeats"},
      {attribute(responses, "stimulus", std::string("nois")), "",
       "/r.h5: /sessions/a/responses_noise: there is no stimulus 'nois' (but there is 'noise')"},
      {attribute(responses, "mirrored", std::string("left")), "",
       "/r.h5: /sessions/a/responses_noise, attribute mirrored: is 'left'"},
      {attribute(responses, "stimulus_mean", 1.0), "",
       "/r.h5: /sessions/a/responses_noise: has one of the attributes stimulus_mean and"},
      {[&](Hdf5File& file) {
         file.write_attribute(responses, "stimulus_mean", 1.0);
         file.write_attribute(responses, "stimulus_std", 2.0);
       },
       "", "/r.h5: /sessions/a: has stimulus_mean and stimulus_std of some stimuli only"},
      {attribute("sessions/a", "discard_frames", 2.5), "", "/r.h5: /sessions/a, attribute discard_frames: is 2.5"},
      {array("sessions/a/clips_noise", at::arange(3, at::kLong)), "",
       "/r.h5: /sessions/a/clips_noise, attribute clip_length: is missing"},
      {[](Hdf5File& file) {
         file.write("sessions/a/clips_noise", at::arange(1, 4, at::kLong));
         file.write_attribute("sessions/a/clips_noise", "clip_length", int64_t{10});
       },
       "",
       "/r.h5: /sessions/a/clips_noise: names clip 3, but /r.h5: /stimuli/noise has 3 of 10 frames\n  fix: use 0 to 2"},
      {cuts(at::zeros({30, 3}), 2), "", "/r.h5: /sessions/a/cuts_noise: has shape (30, 3), not (T, 4)"},
      {cuts(at::full({30, 4}, 0.5), 2), "", "/r.h5: /sessions/a/cuts_noise: holds fractions"},
      {cuts(at::full({30, 4}, 30), 2), "", "/r.h5: /sessions/a/cuts_noise: cuts frame 0 out of image 30 at row 30"},
      {cuts(at::full({30, 4}, std::numeric_limits<int64_t>::min(), at::kLong), 2), "",
       "/r.h5: /sessions/a/cuts_noise: cuts out of the 30 images of 2 x 3 px"},
      {cuts(at::zeros({30, 4}), int64_t{1} << 40), "", "/r.h5: /sessions/a/cuts_noise: cuts out of the 30 images"},
      {cuts(at::zeros({30, 4}), 3), "", "/r.h5: /sessions/a/cuts_noise: cuts frame 0 out of image 0 at row 0"},
      {[](Hdf5File& file) {
         file.write("sessions/a/session_info/frame_rate_hz", at::full({}, 30.0, at::kDouble));
         file.write_attribute("stimuli/noise", "frame_rate_hz", 60.0);
       },
       "",
       "/r.h5: /sessions/a/session_info/frame_rate_hz: is 30, but the attribute frame_rate_hz of /r.h5: /stimuli/noise "
       "is 60"},
      {[](Hdf5File& file) { file.write_text("stimuli/film", "../film.npy"); }, "", "/r.h5: /stimuli/film: names "},
  };
  for (const auto& [change, leave_out, said] : spoilt) {
    INFO(said);
    const std::string refused = folder.refusal(change, leave_out);
    CHECK(refused.substr(0, said.size()) == said);
    CHECK(refused.find("\n  fix: ") != std::string::npos);
  }
  const std::string file = folder / "r.h5";
  const auto size = fs::file_size(file);
  for (const auto left : {size - 1, size / 2, uintmax_t{100}, uintmax_t{0}}) {
    fs::resize_file(file, left);
    const std::string refused =
        example::refusal({{"_target_", "plexiform.data.RecordingsFile"}, {"path", file}}, folder.path());
    CHECK(refused.starts_with("/r.h5: "));
    CHECK(refused.find("\n  fix: ") != std::string::npos);
  }
  CHECK(example::refusal({{"_target_", "plexiform.data.RecordingsFile"}, {"path", folder / "x.h5"}}, folder.path()) ==
        "data_io.path: there is no file /x.h5\n  fix: give the file that `plexiform data convert` wrote");
}

TEST_CASE("a training on the file is that on the folder, to the bit, and so is one on the folder made of it") {
  const Folder folder;
  const auto convert = [&](const std::string& from, const std::string& to) {
    const auto ran = run({"data", "convert", from, to}, folder / "log");
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    CHECK(ran.output.find("plexiform train data_io=") != std::string::npos);
  };
  convert(small_recording(), folder / "all.h5");
  convert(folder / "all.h5", folder / "back");
  const auto trained = [&](const std::string& name, const std::vector<std::string>& more) {
    const auto ran = run(fixture_run(folder / name, more), folder / "log");
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    return content(folder / (name + "/scores.csv")) + content(folder / (name + "/model/model.safetensors"));
  };
  const std::string generic = trained("generic", {});
  CHECK(generic.size() > 1000);
  CHECK(trained("file", {"data_io=recordings_file", "data_io.test_names=null",
                         "paths.data_dir=" + folder / "all.h5"}) == generic);
  CHECK(trained("folder", {"paths.data_dir=" + folder / "back"}) == generic);
}

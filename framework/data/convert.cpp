#include <ATen/ops/empty.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/convert.h>
#include <data/recordings_file.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* about_file = "about/about.h5";  // in a generic folder
constexpr int64_t stay_in_file = 1 << 26;             // bytes of a movie that is copied by way of the memory

void begin(Hdf5File& file, const Provenance& provenance) {
  file.write_attribute("", "format", std::string(recordings_format));
  file.write_attribute("", "version", recordings_version);
  for (const auto& [name, text] :
       {std::pair{"source", provenance.source}, {"layout", provenance.layout}, {"settings", provenance.settings}}) {
    if (!text.empty()) file.write_attribute("", name, text);
  }
}

// A name that HDF5 does not take for a path.
std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name.empty() || name == "." ? "_" : name;
}

std::string numbered(size_t number, size_t of) { return fmt::format("{:0{}}", number, std::to_string(of - 1).size()); }

// What makes two tensors the same piece of memory.
using Memory = std::tuple<const void*, std::vector<int64_t>, std::vector<int64_t>, at::ScalarType>;
Memory memory(const at::Tensor& t) { return {t.const_data_ptr(), t.sizes().vec(), t.strides().vec(), t.scalar_type()}; }

class Writing {
 public:
  Writing(const std::string& file, const Recordings& recordings) : file_(file, Hdf5File::Mode::create_large) {
    for (const auto& session : recordings.sessions) {
      for (const auto* trials : {&session.train, &session.tests}) {
        for (const auto& trial : *trials) ++uses_[memory(trial.stimulus->movie)];
      }
    }
  }

  void write(const Recordings& recordings, const Provenance& provenance) {
    begin(file_, provenance);
    for (const auto& session : recordings.sessions) write(session);
    file_.close();
  }

 private:
  void write(const Session& session) {
    group_ = "sessions/" + flat(session.name);
    file_.make_group(group_);
    if (session.discard_frames > 0) file_.write_attribute(group_, "discard_frames", session.discard_frames);
    const auto [train, tests] = names(session);
    bool negative = false;
    for (size_t i = 0; i < train.size(); ++i) {
      write(session.train[i], train[i], "train");
      negative = negative || below_zero(session.train[i]);
    }
    for (size_t i = 0; i < tests.size(); ++i) {
      write(session.tests[i], tests[i], "test");
      negative = negative || below_zero(session.tests[i]);
    }
    if (negative) file_.write_attribute(group_, "allow_negative", int64_t{1});
    for (const auto& [key, values] : session.info) {
      if (key != "frame_rate_hz") file_.write(group_ + "/session_info/" + flat(key), values);
    }
    if (session.frame_rate_hz > 0)
      file_.write(group_ + "/session_info/frame_rate_hz", at::empty({}, at::kDouble).fill_(session.frame_rate_hz));
  }

  static bool below_zero(const Trial& trial) {
    return trial.responses.min().item<float>() < 0 ||
           (trial.repeats.defined() && trial.repeats.min().item<float>() < 0);
  }

  // Of trials: those of their stimuli, numbered where these are not in order, for a reader takes trials by name.
  struct Names {
    std::vector<std::string> train, tests;
  };
  static Names names(const Session& session) {
    Names all;
    for (const auto& trial : session.train) all.train.push_back(flat(trial.stimulus->name));
    const bool in_order =
        std::adjacent_find(all.train.begin(), all.train.end(), std::greater_equal<>()) == all.train.end();
    const bool one_name =
        std::adjacent_find(all.train.begin(), all.train.end(), std::not_equal_to<>()) == all.train.end();
    for (size_t i = 0; !in_order && i < all.train.size(); ++i) {
      const std::string number = numbered(i, all.train.size());
      all.train[i] = one_name ? all.train[i] + "_" + number : number + "_" + all.train[i];
    }
    std::set<std::string> taken(all.train.begin(), all.train.end());
    for (const auto& trial : session.tests) {
      std::string name = flat(trial.stimulus->name);
      for (int k = 2; !taken.insert(name).second; ++k) name = fmt::format("{}_{}", flat(trial.stimulus->name), k);
      all.tests.push_back(name);
    }
    return all;
  }

  void write(const Trial& trial, const std::string& name, const std::string& split) {
    const Stimulus& stimulus = *trial.stimulus;
    const std::string responses = group_ + "/responses_" + name;
    file_.write(responses, trial.responses);
    file_.write_attribute(responses, "split", split);
    file_.write_attribute(responses, "stimulus_mean", stimulus.mean);
    file_.write_attribute(responses, "stimulus_std", stimulus.std);
    if (trial.view.mirrored) file_.write_attribute(responses, "mirrored", int64_t{1});
    if (const std::string shared = write_movie(stimulus, name); !shared.empty() && shared != name)
      file_.write_attribute(responses, "stimulus", shared);
    if (stimulus.cuts) write_cuts(*stimulus.cuts, group_ + "/cuts_" + name);
    if (!trial.view.clips.empty()) {
      const auto count = static_cast<int64_t>(trial.view.clips.size());
      at::Tensor clips = at::empty({count}, at::kLong);
      std::copy(trial.view.clips.begin(), trial.view.clips.end(), clips.mutable_data_ptr<int64_t>());
      file_.write(group_ + "/clips_" + name, clips);
      file_.write_attribute(group_ + "/clips_" + name, "clip_length", trial.view.clip_length);
    }
    if (trial.repeats.defined()) {
      file_.write(group_ + "/repeats_" + name, trial.repeats);
      if (!means(trial)) file_.write_attribute(responses, "smoothed", int64_t{1});
    }
    for (const auto& trace : trial.traces)
      file_.write(group_ + "/traces/" + name + "/" + flat(trace.name), trace.tensor);
  }

  static bool means(const Trial& trial) {
    try {
      check_mean("", trial.repeats, trial.responses);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  // Returns the name of a stimulus that others use too; the only use of one is its session's own.
  std::string write_movie(const Stimulus& stimulus, const std::string& name) {
    const Memory key = memory(stimulus.movie);
    if (uses_[key] == 1) {
      file_.write(group_ + "/stimulus_" + name, stimulus.movie);
      return "";
    }
    auto& shared = shared_[key];
    if (shared.empty()) {
      const std::string base = stimulus.cuts ? "images" : flat(stimulus.name);
      shared = base;
      for (int k = 2; !taken_.insert(shared).second; ++k) shared = fmt::format("{}_{}", base, k);
      file_.write("stimuli/" + shared, stimulus.movie);
    }
    return shared;
  }

  void write_cuts(const Cuts& cuts, const std::string& data_set) {
    at::Tensor rows = at::empty({static_cast<int64_t>(cuts.frames.size()), 4}, at::kInt);
    auto* to = rows.mutable_data_ptr<int32_t>();
    for (const auto& [image, row, column, upside_down] : cuts.frames) {
      for (const int32_t value : {image, row, column, static_cast<int32_t>(upside_down)}) *to++ = value;
    }
    file_.write(data_set, rows);
    file_.write_attribute(data_set, "height", cuts.height);
    file_.write_attribute(data_set, "width", cuts.width);
    if (cuts.step != 1) file_.write_attribute(data_set, "step", cuts.step);
  }

  Hdf5File file_;
  std::map<Memory, int64_t> uses_;
  std::map<Memory, std::string> shared_;
  std::set<std::string> taken_;  // names of shared stimuli
  std::string group_;            // of the session that is being written
};

// What is at the root beside stimuli and sessions.
std::vector<std::string> others(const Hdf5File& file) {
  std::vector<std::string> names;
  for (std::string name : file.names()) {
    if (name.ends_with("/")) name.pop_back();
    if (name != "stimuli" && name != "sessions") names.push_back(name);
  }
  return names;
}

// What the knobs say of a session, where the data sets do not yet.
void mark(Hdf5File& file, const SessionGroup& session, const Hdf5FolderParams& params) {
  const std::string group = "sessions/" + session.name;
  if (params.discard_frames > 0) file.write_attribute(group, "discard_frames", params.discard_frames);
  if (params.allow_negative) file.write_attribute(group, "allow_negative", int64_t{1});
  const auto names = session.file->names(session.group);
  const std::set<std::string> known(names.begin(), names.end());
  for (const std::string prefix : {"responses_", "repeats_"}) {
    for (const auto& name : names) {
      if (!name.starts_with(prefix)) continue;
      const std::string shown = name.substr(prefix.size());
      if (prefix == "repeats_" && known.contains("responses_" + shown)) continue;
      const bool test = std::find(params.test_names.begin(), params.test_names.end(), shown) != params.test_names.end();
      const std::string data_set = group + "/" + name;
      file.write_attribute(data_set, "split", std::string(test ? "test" : "train"));
      if (!params.norm_mean || !params.norm_std) continue;
      file.write_attribute(data_set, "stimulus_mean", *params.norm_mean);
      file.write_attribute(data_set, "stimulus_std", *params.norm_std);
    }
  }
}

}  // namespace

void write_recordings_file(const std::string& file, const Recordings& recordings, const Provenance& provenance) {
  Writing(file, recordings).write(recordings, provenance);
}

void pack_hdf5_folder(const Hdf5FolderParams& params, const std::string& name, const Provenance& provenance,
                      Stimuli stimuli) {
  Hdf5File file(name, Hdf5File::Mode::create_large);
  begin(file, provenance);
  std::optional<Hdf5File> about;
  if (const std::string known = (fs::path(params.path) / about_file).string(); fs::exists(known)) about.emplace(known);
  if (about) {
    file.copy_attributes(*about, "", "");
    for (const auto& other : others(*about)) file.copy(*about, other, other);
  }
  for (const auto& [stimulus, stored] : stimuli_of_folder(params.path)) {
    const std::string data_set = "stimuli/" + stimulus;
    if (stimuli == Stimuli::linked) {
      const auto folder = fs::absolute(fs::path(name)).parent_path();
      file.write_text(
          data_set,
          fs::absolute(stored.place).lexically_normal().lexically_relative(folder.lexically_normal()).string());
    } else {
      file.write(data_set, read_or_map_npy(stored.place, stay_in_file));
    }
    if (about && about->has(data_set)) file.copy_attributes(*about, data_set, data_set);
  }
  for (const auto& session : sessions_of_folder(params.path)) {
    file.copy(*session.file, "", "sessions/" + session.name);
    mark(file, session, params);
  }
  file.close();
}

void unpack_recordings_file(const std::string& name, const std::string& folder) {
  const auto [file, stimuli, sessions] = open_recordings_file(name);
  const fs::path to(folder);
  if (!stimuli.empty()) fs::create_directory(to / "stimuli");
  for (const auto& [stimulus, stored] : stimuli) {
    const at::Tensor movie = stored.file ? stored.file->read_or_map(stored.data_set, stay_in_file)
                                         : read_or_map_npy(stored.place, stay_in_file);
    write_npy((to / "stimuli" / (stimulus + ".npy")).string(), movie);
  }
  for (const auto& session : sessions) {
    Hdf5File made((to / (session.name + ".h5")).string(), Hdf5File::Mode::create_large);
    for (std::string data_set : file->names(session.group)) {
      if (data_set.ends_with("/")) data_set.pop_back();
      made.copy(*file, session.path(data_set), data_set);
    }
    made.copy_attributes(*file, session.group, "");
    made.close();
  }
  fs::create_directory(to / "about");
  Hdf5File about((to / about_file).string(), Hdf5File::Mode::create);
  about.copy_attributes(*file, "", "");
  for (const auto& other : others(*file)) about.copy(*file, other, other);
  for (const auto& [stimulus, stored] : stimuli) {
    about.make_group("stimuli/" + stimulus);
    about.copy_attributes(*file, "stimuli/" + stimulus, "stimuli/" + stimulus);
  }
  about.close();
}

}  // namespace plexiform::data

#include <data/array_files.h>
#include <data/checks.h>
#include <data/hdf5_folder.h>
#include <data/movie.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

struct StimulusOnDisk {
  std::string place;                        // the file, or "file: /data/set"
  Sizes shape = {};                         // (C, T, H, W); empty until it is looked at
  std::shared_ptr<Stimulus> stimulus = {};  // null until it is read
};

// What a session has of one stimulus.
struct Shown {
  bool responses = false, repeats = false, own_stimulus = false;
  std::shared_ptr<StimulusOnDisk> stimulus;
};

struct SessionOnDisk {
  std::string name;
  Hdf5File file;
  std::map<std::string, Shown> shown = {};  // by the stimulus' name
  int64_t neurons = 0;

  std::string place(const std::string& data_set) const { return file.file() + ": /" + data_set; }
};

// Movies of more bytes are not read into memory.
int64_t half_of_memory() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE) / 2; }

class Folder {
 public:
  explicit Folder(const Hdf5FolderParams& params)
      : params_(params), tests_(params.test_names.begin(), params.test_names.end()) {}

  Recordings read() {
    list_stimuli();
    list_sessions();
    for (auto& session : sessions_) look_at(session);
    check_test_names();

    Recordings recordings;
    for (const auto& session : sessions_) recordings.sessions.push_back(read(session));
    normalise(stimuli_, training_, params_.norm_mean, params_.norm_std);
    recordings.channels = size_[0];
    recordings.height = size_[1];
    recordings.width = size_[2];
    return recordings;
  }

 private:
  void list_stimuli() {
    const fs::path folder = fs::path(params_.path) / "stimuli";
    if (!fs::is_directory(folder)) return;  // every session may have its own
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".npy") continue;
      shared_[entry.path().stem()] = std::make_shared<StimulusOnDisk>(entry.path().string());
    }
  }

  void list_sessions() {
    std::map<std::string, fs::path> files;
    for (const auto& entry : fs::directory_iterator(params_.path)) {
      const fs::path& file = entry.path();
      if (file.extension() != ".h5" && file.extension() != ".hdf5") continue;
      if (const auto [other, added] = files.emplace(file.stem(), file); !added) {
        throw Error(file.string(), fmt::format("is a second file of session '{}'", other->first), "rename one of them");
      }
    }
    if (files.empty()) {
      throw Error(params_.path, "holds no session (no .h5 or .hdf5 file)",
                  "give the folder that holds stimuli/ and one HDF5 file per session");
    }
    for (const auto& [name, file] : files) sessions_.push_back({name, Hdf5File(file.string())});
  }

  // Finds out what the session has, and checks all shapes.
  void look_at(SessionOnDisk& session) {
    const std::string responses = "responses_", repeats = "repeats_";
    for (const auto& data_set : session.file.names()) {
      if (data_set.starts_with(responses)) session.shown[data_set.substr(responses.size())].responses = true;
      if (data_set.starts_with(repeats)) session.shown[data_set.substr(repeats.size())].repeats = true;
    }
    if (session.shown.empty()) {
      throw Error(session.file.file(), "holds no responses (no data set responses_<stimulus>)",
                  "add them, shape (neurons, frames), or move the file away");
    }
    bool trains = false;
    for (auto& [name, shown] : session.shown) {
      find_stimulus(session, name, shown);
      if (shown.responses) look_at_responses(session, responses + name, shown);
      if (shown.repeats) look_at_responses(session, repeats + name, shown);
      trains = trains || !tests_.contains(name);
    }
    if (!trains) {
      throw Error(session.file.file(), "holds responses to test stimuli only",
                  fmt::format("add responses to another stimulus, or take one out of test_names ({})",
                              fmt::join(tests_, ", ")));
    }
  }

  void find_stimulus(const SessionOnDisk& session, const std::string& name, Shown& shown) {
    shown.own_stimulus = session.file.has("stimulus_" + name);
    if (shown.own_stimulus) {
      shown.stimulus = std::make_shared<StimulusOnDisk>(session.place("stimulus_" + name));
      shown.stimulus->shape = session.file.shape("stimulus_" + name);
      look_at_stimulus(*shown.stimulus);
      return;
    }
    const auto found = shared_.find(name);
    if (found == shared_.end()) {
      std::vector<std::string> known;
      for (const auto& [other, stimulus] : shared_) known.push_back(other);
      const std::string near = nearest(name, known);
      throw Error(session.place((shown.responses ? "responses_" : "repeats_") + name),
                  fmt::format("there is no stimulus '{}'{}", name,
                              near.empty() ? "" : fmt::format(" (but there is '{}')", near)),
                  fmt::format("add {}, or stimulus_{} to the session",
                              (fs::path(params_.path) / "stimuli" / (name + ".npy")).string(), name));
    }
    shown.stimulus = found->second;
    if (shown.stimulus->shape.empty()) {
      shown.stimulus->shape = read_npy_header(shown.stimulus->place).shape;
      look_at_stimulus(*shown.stimulus);
    }
  }

  void look_at_stimulus(const StimulusOnDisk& stimulus) {
    check_movie_shape(stimulus.place, stimulus.shape);
    const Sizes size = {stimulus.shape[0], stimulus.shape[2], stimulus.shape[3]};
    if (size_.empty()) {
      size_ = params_.stimulus_size.value_or(size);
      size_of_ = params_.stimulus_size ? "stimulus_size" : stimulus.place;
    }
    if (size != size_) {
      throw Error(stimulus.place, fmt::format("has (C, H, W) {}, but {} has {}", text(size), size_of_, text(size_)),
                  params_.stimulus_size
                      ? fmt::format("set stimulus_size to [{}], or mend the file", fmt::join(size, ", "))
                      : "give all stimuli the same size");
    }
  }

  static void look_at_responses(SessionOnDisk& session, const std::string& data_set, const Shown& shown) {
    const bool repeats = data_set.starts_with("repeats_");
    const Sizes shape = session.file.shape(data_set);
    check_response_shape(session.place(data_set), shape, repeats, shown.stimulus->shape[1], shown.stimulus->place);
    const int64_t neurons = shape[repeats ? 1 : 0];
    if (session.neurons == 0) session.neurons = neurons;
    if (neurons != session.neurons) {
      throw Error(session.place(data_set),
                  fmt::format("has {} neurons, but the session's other data sets have {}", neurons, session.neurons),
                  "store the same neurons for every stimulus");
    }
  }

  void check_test_names() const {
    std::set<std::string> known;
    for (const auto& session : sessions_) {
      for (const auto& [name, shown] : session.shown) known.insert(name);
    }
    for (const auto& name : tests_) {
      if (known.contains(name)) continue;
      throw Error("test_names", fmt::format("no session has responses to '{}'", name),
                  did_you_mean(name, {known.begin(), known.end()}));
    }
  }

  Session read(const SessionOnDisk& on_disk) {
    Session session;
    session.name = on_disk.name;
    session.neurons = on_disk.neurons;
    session.discard_frames = params_.discard_frames;
    read_info(on_disk, session);
    for (const auto& [name, shown] : on_disk.shown) {
      const bool test = tests_.contains(name);
      Trial trial;
      trial.stimulus = read_stimulus(on_disk, name, shown, test);
      if (shown.repeats) trial.repeats = read_responses(on_disk, "repeats_" + name);
      if (shown.responses) trial.responses = read_responses(on_disk, "responses_" + name);
      if (!shown.responses) trial.responses = trial.repeats.mean(0);
      if (shown.responses && shown.repeats)
        check_mean(on_disk.place("repeats_" + name), trial.repeats, trial.responses);
      trial.traces = read_traces(on_disk, name, trial.stimulus->frames());
      (test ? session.tests : session.train).push_back(std::move(trial));
    }
    check_traces(on_disk, session);
    return session;
  }

  static std::vector<Named> read_traces(const SessionOnDisk& on_disk, const std::string& stimulus, int64_t frames) {
    std::vector<Named> traces;
    const std::string group = "traces/" + stimulus;
    if (!on_disk.file.has(group)) return traces;
    for (const auto& name : on_disk.file.names(group)) {
      const std::string place = on_disk.place(group + "/" + name);
      const Sizes shape = on_disk.file.shape(group + "/" + name);
      if (shape.size() != 2 || shape[0] < 1 || shape[1] != frames) {
        throw Error(place, fmt::format("has shape {}, not (K, {})", text(shape), frames),
                    "store one value of each trace per frame of the stimulus");
      }
      auto values = on_disk.file.read(group + "/" + name).to(at::kFloat).contiguous();
      check_responses(place, values, /*allow_negative=*/true);
      traces.push_back({name, std::move(values)});
    }
    return traces;
  }

  // A batch mixes the trials of a session, so each has to have the same traces.
  static void check_traces(const SessionOnDisk& on_disk, const Session& session) {
    const Trial* first = nullptr;
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        if (!first) first = &trial;
        const auto same = [](const Named& a, const Named& b) {
          return a.name == b.name && a.tensor.size(0) == b.tensor.size(0);
        };
        if (!std::equal(trial.traces.begin(), trial.traces.end(), first->traces.begin(), first->traces.end(), same)) {
          throw Error(on_disk.place("traces/" + trial.stimulus->name),
                      "has other traces than traces/" + first->stimulus->name,
                      "store the same ones, of the same K, for every stimulus of a session, or none");
        }
      }
    }
  }

  static void read_info(const SessionOnDisk& on_disk, Session& session) {
    if (!on_disk.file.has("session_info")) return;
    for (const auto& key : on_disk.file.names("session_info")) {
      try {
        if (!key.ends_with("/")) session.info[key] = on_disk.file.read("session_info/" + key);
      } catch (const Error&) {
        // Free metadata may be text, which is no array: nothing here depends on it.
      }
    }
    const auto rate = session.info.find("frame_rate_hz");
    if (rate == session.info.end()) return;
    const std::string place = on_disk.place("session_info/frame_rate_hz"), fix = "store one number above 0, in Hz";
    if (rate->second.numel() != 1) throw Error(place, "is not a single number", fix);
    session.frame_rate_hz = rate->second.reshape({}).item<double>();
    if (!std::isfinite(session.frame_rate_hz) || session.frame_rate_hz <= 0) {
      throw Error(place, fmt::format("is {}", session.frame_rate_hz), fix);
    }
  }

  std::shared_ptr<const Stimulus> read_stimulus(const SessionOnDisk& session, const std::string& name,
                                                const Shown& shown, bool test) {
    auto& [place, shape, stimulus] = *shown.stimulus;
    if (!stimulus) {
      const at::Tensor movie =
          shown.own_stimulus ? session.file.read("stimulus_" + name) : read_or_map_npy(place, half_of_memory());
      stimulus = std::make_shared<Stimulus>(name, compact(movie));
      check_movie(place, stimulus->movie);
      stimuli_.insert(stimulus);
    }
    if (!test) training_.insert(stimulus);
    return stimulus;
  }

  at::Tensor read_responses(const SessionOnDisk& session, const std::string& data_set) const {
    const at::Tensor responses = session.file.read(data_set).to(at::kFloat).contiguous();
    check_responses(session.place(data_set), responses, params_.allow_negative);
    return responses;
  }

  const Hdf5FolderParams& params_;
  const std::set<std::string> tests_;
  std::map<std::string, std::shared_ptr<StimulusOnDisk>> shared_;  // stimuli/, by name
  std::vector<SessionOnDisk> sessions_;
  Sizes size_;  // (C, H, W) of all stimuli
  std::string size_of_;
  std::set<std::shared_ptr<Stimulus>> stimuli_, training_;  // that are read
};

}  // namespace

Recordings read_hdf5_folder(const Hdf5FolderParams& params) {
  if (!fs::is_directory(params.path)) {
    throw Error("path", fmt::format("there is no folder {}", fs::absolute(params.path).lexically_normal().string()),
                "give the folder that holds stimuli/ and one HDF5 file per session");
  }
  return Folder(params).read();
}

}  // namespace plexiform::data

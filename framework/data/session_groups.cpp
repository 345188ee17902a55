#include <data/checks.h>
#include <data/movie.h>
#include <data/session_groups.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

namespace plexiform::data {
namespace {

// Movies of more bytes are not read into memory.
int64_t half_of_memory() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE) / 2; }

struct Movie {
  StoredMovie stored;
  Sizes shape = {};        // (C, T, H, W); empty until it is looked at
  at::Tensor values = {};  // undefined until it is read
};

// What a session has of one stimulus.
struct Shown {
  bool responses = false, repeats = false, test = false, mirrored = false, smoothed = false;
  std::shared_ptr<Movie> movie = {};
  Sizes size = {};  // (C, T, H, W) as it was shown
  std::vector<int64_t> clips = {};
  int64_t clip_length = 0;
  std::shared_ptr<const Cuts> cuts = {};
  std::optional<double> mean = {}, std = {};
};

struct Found : SessionGroup {
  std::map<std::string, Shown> shown = {};  // by the stimulus' name
  int64_t neurons = 0;

  bool has(const std::string& data_set) const { return file->has(path(data_set)); }
  Sizes shape(const std::string& data_set) const { return file->shape(path(data_set)); }
  at::Tensor load(const std::string& data_set) const { return file->read(path(data_set)); }

  // The number that an attribute gives. "": of the session.
  std::optional<double> number(const std::string& data_set, const std::string& attribute) const {
    const auto text = file->attribute(data_set.empty() ? group : path(data_set), attribute);
    if (!text) return {};
    double value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc() && end == text->data() + text->size() && std::isfinite(value)) return value;
    throw Error(place(data_set) + ", attribute " + attribute, fmt::format("is '{}'", *text), "store a number");
  }

  int64_t whole(const std::string& data_set, const std::string& attribute, int64_t least,
                std::optional<int64_t> otherwise = {}) const {
    const auto value = number(data_set, attribute);
    if (!value && otherwise) return *otherwise;
    if (value && *value >= static_cast<double>(least) && *value < 1e15 && *value == std::floor(*value))
      return static_cast<int64_t>(*value);
    throw Error(place(data_set) + ", attribute " + attribute, value ? fmt::format("is {}", *value) : "is missing",
                fmt::format("store a whole number of at least {}", least));
  }
};

const std::string& attributes_of(const std::string& responses, const std::string& repeats, const Shown& shown) {
  return shown.responses ? responses : repeats;
}

class Sessions {
 public:
  Sessions(const std::vector<SessionGroup>& sessions, const std::map<std::string, StoredMovie>& stimuli,
           const std::function<std::string(const std::string&)>& add, const SessionKnobs& knobs)
      : add_(add), knobs_(knobs) {
    if (knobs.test_names) tests_.insert(knobs.test_names->begin(), knobs.test_names->end());
    for (const auto& session : sessions) sessions_.push_back({session});
    for (const auto& [name, stored] : stimuli) shared_[name] = std::make_shared<Movie>(stored);
  }

  Recordings read() {
    for (auto& session : sessions_) look_at(session);
    check_test_names();

    Recordings recordings;
    for (const auto& session : sessions_) recordings.sessions.push_back(read(session));
    if (!stimuli_.empty()) normalise(stimuli_, training_, knobs_.norm_mean, knobs_.norm_std);
    recordings.channels = size_[0];
    recordings.height = size_[1];
    recordings.width = size_[2];
    return recordings;
  }

 private:
  // Finds out what the session has, and checks all shapes.
  void look_at(Found& session) {
    const std::string responses = "responses_", repeats = "repeats_";
    for (const auto& data_set : session.file->names(session.group)) {
      if (data_set.starts_with(responses)) session.shown[data_set.substr(responses.size())].responses = true;
      if (data_set.starts_with(repeats)) session.shown[data_set.substr(repeats.size())].repeats = true;
    }
    if (session.shown.empty()) {
      throw Error(session.place(), "holds no responses (no data set responses_<stimulus>)",
                  "add them, shape (neurons, frames), or move the file away");
    }
    std::vector<std::string> tests;
    for (auto& [name, shown] : session.shown) {
      const std::string attributes = attributes_of(responses + name, repeats + name, shown);
      shown.test = knobs_.test_names ? tests_.contains(name)
                                     : session.file->attribute(session.path(attributes), "split") == "test";
      find_stimulus(session, name, attributes, shown);
      look_at_showing(session, name, attributes, shown);
      look_at_size(shown.movie->stored.place, shown.size);
      if (shown.responses) look_at_responses(session, responses + name, shown);
      if (shown.repeats) look_at_responses(session, repeats + name, shown);
      if (shown.test) tests.push_back(name);
    }
    const auto with_numbers = std::count_if(session.shown.begin(), session.shown.end(),
                                            [](const auto& shown) { return shown.second.mean.has_value(); });
    if (with_numbers > 0 && static_cast<size_t>(with_numbers) < session.shown.size()) {
      throw Error(session.place(), "has stimulus_mean and stimulus_std of some stimuli only",
                  "store them for all stimuli of the session, or for none");
    }
    if (tests.size() == session.shown.size()) {
      throw Error(
          session.place(), "holds responses to test stimuli only",
          fmt::format("add responses to another stimulus, or take one out of test_names ({})", fmt::join(tests, ", ")));
    }
  }

  void find_stimulus(const Found& session, const std::string& name, const std::string& attributes, Shown& shown) {
    if (const std::string own = "stimulus_" + name; session.has(own)) {
      shown.movie = std::make_shared<Movie>(StoredMovie{session.place(own), session.file, session.path(own)});
      shown.movie->shape = shown.movie->stored.shape();
      check_movie_shape(shown.movie->stored.place, shown.movie->shape);
      return;
    }
    const std::string called = session.file->attribute(session.path(attributes), "stimulus").value_or(name);
    const auto found = shared_.find(called);
    if (found == shared_.end()) {
      std::vector<std::string> known;
      for (const auto& [other, stimulus] : shared_) known.push_back(other);
      const std::string near = nearest(called, known);
      throw Error(session.place(attributes),
                  fmt::format("there is no stimulus '{}'{}", called,
                              near.empty() ? "" : fmt::format(" (but there is '{}')", near)),
                  fmt::format("{}, or stimulus_{} to the session", add_(called), name));
    }
    shown.movie = found->second;
    if (shown.movie->shape.empty()) {
      shown.movie->shape = shown.movie->stored.shape();
      check_movie_shape(shown.movie->stored.place, shown.movie->shape);
    }
  }

  void look_at_showing(const Found& session, const std::string& name, const std::string& attributes,
                       Shown& shown) const {
    shown.size = shown.movie->shape;
    shown.mirrored = session.number(attributes, "mirrored").value_or(0) != 0;
    shown.smoothed = session.number(attributes, "smoothed").value_or(0) != 0;
    shown.mean = session.number(attributes, "stimulus_mean");
    shown.std = session.number(attributes, "stimulus_std");
    if (shown.mean.has_value() != shown.std.has_value()) {
      throw Error(session.place(attributes), "has one of the attributes stimulus_mean and stimulus_std alone",
                  "store both, or none");
    }
    if (shown.std && *shown.std <= 0) {
      throw Error(session.place(attributes) + ", attribute stimulus_std", fmt::format("is {}", *shown.std),
                  "store a number above 0");
    }
    if (const std::string cuts = "cuts_" + name; session.has(cuts)) look_at_cuts(session, cuts, shown);
    if (const std::string clips = "clips_" + name; session.has(clips)) look_at_clips(session, clips, shown);
    check_rate(session, shown);
  }

  static at::Tensor whole_numbers(const Found& session, const std::string& data_set) {
    const at::Tensor values = session.load(data_set);
    if (values.is_floating_point() && !values.eq(values.round()).all().item<bool>())
      throw Error(session.place(data_set), "holds fractions", "store whole numbers");
    return values.to(at::kLong).contiguous();
  }

  static void look_at_cuts(const Found& session, const std::string& data_set, Shown& shown) {
    const std::string place = session.place(data_set);
    const at::Tensor values = whole_numbers(session, data_set);
    if (values.dim() != 2 || values.size(0) < 1 || values.size(1) != 4) {
      throw Error(place, fmt::format("has shape {}, not (T, 4)", text(values.sizes().vec())),
                  "store image, row, column, and whether it is upside down, of each frame");
    }
    auto cuts = std::make_shared<Cuts>();
    cuts->height = session.whole(data_set, "height", 1);
    cuts->width = session.whole(data_set, "width", 1);
    cuts->step = session.whole(data_set, "step", 1, 1);
    const Sizes& images = shown.movie->shape;
    // What follows is then far from the largest whole number.
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    if (std::max({cuts->height, cuts->width, cuts->step, values.max().item<int64_t>(), -values.min().item<int64_t>()}) >
            most ||
        values.min().item<int64_t>() < -most || std::max(cuts->height, cuts->width) * cuts->step > most) {
      throw Error(place,
                  fmt::format("cuts out of the {} images of {} x {} px of {} where they do not lie", images[1],
                              images[2], images[3], shown.movie->stored.place),
                  "correct it, or give the images that were shown");
    }
    const int64_t tall = (cuts->height - 1) * cuts->step, wide = (cuts->width - 1) * cuts->step;
    const auto* row = values.const_data_ptr<int64_t>();
    for (int64_t t = 0; t < values.size(0); ++t, row += 4) {
      const bool upside_down = row[3] != 0;
      const int64_t top = upside_down ? row[1] - tall : row[1], bottom = top + tall;
      if (row[0] < 0 || row[0] >= images[1] || top < 0 || bottom >= images[2] || row[2] < 0 ||
          row[2] + wide >= images[3]) {
        throw Error(
            place,
            fmt::format("cuts frame {} out of image {} at row {}, column {}, which does not lie in the {} images of "
                        "{} x {} px of {}",
                        t, row[0], row[1], row[2], images[1], images[2], images[3], shown.movie->stored.place),
            "correct it, or give the images that were shown");
      }
      cuts->frames.push_back(
          {static_cast<int32_t>(row[0]), static_cast<int32_t>(row[1]), static_cast<int32_t>(row[2]), upside_down});
    }
    shown.size = {images[0], values.size(0), cuts->height, cuts->width};
    shown.cuts = std::move(cuts);
  }

  static void look_at_clips(const Found& session, const std::string& data_set, Shown& shown) {
    const std::string place = session.place(data_set);
    const at::Tensor values = whole_numbers(session, data_set);
    if (values.dim() != 1 || values.size(0) < 1) {
      throw Error(place, fmt::format("has shape {}, not (clips)", text(values.sizes().vec())),
                  "store the numbers of the clips in the order in which they were shown");
    }
    shown.clip_length = session.whole(data_set, "clip_length", 1);
    const int64_t clips = shown.size[1] / shown.clip_length;
    shown.clips.assign(values.const_data_ptr<int64_t>(), values.const_data_ptr<int64_t>() + values.numel());
    for (const int64_t clip : shown.clips) {
      if (clip >= 0 && clip < clips) continue;
      throw Error(place,
                  fmt::format("names clip {}, but {} has {} of {} frames", clip, shown.movie->stored.place, clips,
                              shown.clip_length),
                  fmt::format("use 0 to {}, or correct clip_length", clips - 1));
    }
    shown.size[1] = values.numel() * shown.clip_length;
  }

  // A stimulus may say at what rate its frames were shown; responses are one per frame.
  static void check_rate(const Found& session, const Shown& shown) {
    const auto& stored = shown.movie->stored;
    const auto rate = stored.file ? stored.file->attribute(stored.data_set, "frame_rate_hz") : std::nullopt;
    if (!rate || !session.has("session_info/frame_rate_hz")) return;
    const at::Tensor own = session.load("session_info/frame_rate_hz");
    if (own.numel() != 1 || fmt::format("{}", own.reshape({}).item<double>()) == *rate) return;
    throw Error(session.place("session_info/frame_rate_hz"),
                fmt::format("is {}, but the attribute frame_rate_hz of {} is {}", own.reshape({}).item<double>(),
                            stored.place, *rate),
                "store one response per frame of the stimulus, and its rate in both places");
  }

  void look_at_size(const std::string& place, const Sizes& shape) {
    const Sizes size = {shape[0], shape[2], shape[3]};
    if (size_.empty()) {
      size_ = knobs_.stimulus_size.value_or(size);
      size_of_ = knobs_.stimulus_size ? "stimulus_size" : place;
    }
    if (size != size_) {
      throw Error(place, fmt::format("has (C, H, W) {}, but {} has {}", text(size), size_of_, text(size_)),
                  knobs_.stimulus_size
                      ? fmt::format("set stimulus_size to [{}], or mend the file", fmt::join(size, ", "))
                      : "give all stimuli the same size");
    }
  }

  static void look_at_responses(Found& session, const std::string& data_set, const Shown& shown) {
    const bool repeats = data_set.starts_with("repeats_");
    const Sizes shape = session.shape(data_set);
    check_response_shape(session.place(data_set), shape, repeats, shown.size[1], shown.movie->stored.place);
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

  Session read(const Found& found) {
    Session session;
    session.name = found.name;
    session.neurons = found.neurons;
    session.discard_frames =
        knobs_.discard_frames > 0 ? knobs_.discard_frames : found.whole("", "discard_frames", 0, 0);
    const bool allow_negative = knobs_.allow_negative || found.number("", "allow_negative").value_or(0) != 0;
    read_info(found, session);
    for (const auto& [name, shown] : found.shown) {
      Trial trial;
      trial.stimulus = read_stimulus(name, shown);
      trial.view = {shown.clips, shown.clip_length, shown.mirrored};
      const auto values = [&](const std::string& data_set) {
        const at::Tensor all = found.load(data_set).to(at::kFloat).contiguous();
        check_responses(found.place(data_set), all, allow_negative);
        return all;
      };
      if (shown.repeats) trial.repeats = values("repeats_" + name);
      if (shown.responses) trial.responses = values("responses_" + name);
      if (!shown.responses) trial.responses = trial.repeats.mean(0);
      if (shown.responses && shown.repeats && !shown.smoothed)
        check_mean(found.place("repeats_" + name), trial.repeats, trial.responses);
      trial.traces = read_traces(found, name, shown.size[1]);
      (shown.test ? session.tests : session.train).push_back(std::move(trial));
    }
    check_traces(found, session);
    return session;
  }

  static std::vector<Named> read_traces(const Found& found, const std::string& stimulus, int64_t frames) {
    std::vector<Named> traces;
    const std::string group = "traces/" + stimulus;
    if (!found.has(group)) return traces;
    for (const auto& name : found.file->names(found.path(group))) {
      const std::string place = found.place(group + "/" + name);
      const Sizes shape = found.shape(group + "/" + name);
      if (shape.size() != 2 || shape[0] < 1 || shape[1] != frames) {
        throw Error(place, fmt::format("has shape {}, not (K, {})", text(shape), frames),
                    "store one value of each trace per frame of the stimulus");
      }
      auto values = found.load(group + "/" + name).to(at::kFloat).contiguous();
      check_responses(place, values, /*allow_negative=*/true);
      traces.push_back({name, std::move(values)});
    }
    return traces;
  }

  // A batch mixes the trials of a session, so each has to have the same traces.
  static void check_traces(const Found& found, const Session& session) {
    const Trial* first = nullptr;
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        if (!first) first = &trial;
        const auto same = [](const Named& a, const Named& b) {
          return a.name == b.name && a.tensor.size(0) == b.tensor.size(0);
        };
        if (!std::equal(trial.traces.begin(), trial.traces.end(), first->traces.begin(), first->traces.end(), same)) {
          throw Error(found.place("traces/" + trial.stimulus->name),
                      "has other traces than traces/" + first->stimulus->name,
                      "store the same ones, of the same K, for every stimulus of a session, or none");
        }
      }
    }
  }

  static void read_info(const Found& found, Session& session) {
    if (!found.has("session_info")) return;
    for (const auto& key : found.file->names(found.path("session_info"))) {
      try {
        if (!key.ends_with("/")) session.info[key] = found.load("session_info/" + key);
      } catch (const Error&) {
        // Free metadata may be text, which is no array: nothing here depends on it.
      }
    }
    const auto rate = session.info.find("frame_rate_hz");
    if (rate == session.info.end()) return;
    const std::string place = found.place("session_info/frame_rate_hz"), fix = "store one number above 0, in Hz";
    if (rate->second.numel() != 1) throw Error(place, "is not a single number", fix);
    session.frame_rate_hz = rate->second.reshape({}).item<double>();
    if (!std::isfinite(session.frame_rate_hz) || session.frame_rate_hz <= 0) {
      throw Error(place, fmt::format("is {}", session.frame_rate_hz), fix);
    }
  }

  // The same movie with the same numbers under the same name is one Stimulus.
  std::shared_ptr<const Stimulus> read_stimulus(const std::string& name, const Shown& shown) {
    Movie& movie = *shown.movie;
    if (!movie.values.defined()) {
      movie.values = compact(movie.stored.read());
      check_movie(movie.stored.place, movie.values);
    }
    const bool own_numbers = shown.mean && !knobs_.norm_mean && !knobs_.norm_std;
    std::shared_ptr<Stimulus> cut;
    auto& stimulus =
        shown.cuts
            ? cut
            : made_[{&movie, name, own_numbers ? shown.mean : std::nullopt, own_numbers ? shown.std : std::nullopt}];
    if (!stimulus) {
      stimulus = std::make_shared<Stimulus>(Stimulus{name, movie.values});
      stimulus->cuts = shown.cuts;
      if (own_numbers) std::tie(stimulus->mean, stimulus->std) = std::pair(*shown.mean, *shown.std);
      if (!own_numbers) stimuli_.push_back(stimulus);
    }
    const bool counted = own_numbers || shown.test ||
                         std::any_of(training_.begin(), training_.end(),
                                     [&](const auto& other) { return other->movie.is_same(stimulus->movie); });
    if (!counted) training_.push_back(stimulus);
    return stimulus;
  }

  const std::function<std::string(const std::string&)>& add_;
  const SessionKnobs& knobs_;
  std::set<std::string> tests_;
  std::map<std::string, std::shared_ptr<Movie>> shared_;
  std::vector<Found> sessions_;
  Sizes size_;  // (C, H, W) of all stimuli
  std::string size_of_;
  std::map<std::tuple<const Movie*, std::string, std::optional<double>, std::optional<double>>,
           std::shared_ptr<Stimulus>>
      made_;
  std::vector<std::shared_ptr<Stimulus>> stimuli_, training_;  // whose mean and standard deviation are to be found
};

}  // namespace

std::vector<int64_t> StoredMovie::shape() const { return file ? file->shape(data_set) : read_npy_header(place).shape; }

at::Tensor StoredMovie::read() const {
  return file ? file->read_or_map(data_set, half_of_memory()) : read_or_map_npy(place, half_of_memory());
}

std::string SessionGroup::place(const std::string& data_set) const {
  return group.empty() && data_set.empty() ? file->file()
                                           : file->file() + ": /" + (data_set.empty() ? group : path(data_set));
}

Recordings read_sessions(const std::vector<SessionGroup>& sessions, const std::map<std::string, StoredMovie>& stimuli,
                         const std::function<std::string(const std::string&)>& add, const SessionKnobs& knobs) {
  return Sessions(sessions, stimuli, add, knobs).read();
}

}  // namespace plexiform::data

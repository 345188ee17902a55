// Source  the layout and its constants: the files published with Hoefling et al. 2024, eLife 13:e86860.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <data/array_files.h>
#include <data/calcium_traces.h>
#include <data/checks.h>
#include <data/hoefling_2024.h>
#include <data/light_stimuli.h>
#include <data/movie.h>
#include <data/pickled_arrays.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

namespace plexiform::data {
namespace {

constexpr int64_t clip_length = 150;                                     // frames
constexpr double clip_duration = 4.9666667;                              // s from the first frame of a clip to its last
constexpr const char* wrongly_labelled = "session_2_ventral2_20200626";  // a right eye that its file calls left

struct Movies {
  std::string file;
  std::shared_ptr<Stimulus> train, test;
  std::vector<std::vector<int64_t>> sequences;  // clips in the order of their showing

  int64_t clips() const { return train->frames() / clip_length; }
  int64_t test_clips() const { return test->frames() / clip_length; }
};

std::shared_ptr<Stimulus> read_movie(const PickledArrays& file, const std::string& key) {
  auto stimulus = std::make_shared<Stimulus>(Stimulus{key, compact(file.array(key))});
  check_movie_shape(file.place(key), stimulus->movie.sizes().vec());
  check_movie(file.place(key), stimulus->movie);
  if (stimulus->frames() % clip_length != 0) {
    throw Error(file.place(key), fmt::format("has {} frames, not whole clips of {}", stimulus->frames(), clip_length),
                "copy or download the file again");
  }
  return stimulus;
}

Movies read_movies(const std::string& path) {
  const PickledArrays file(path);
  Movies movies{path, read_movie(file, "train"), read_movie(file, "test"), {}};
  auto frame = [](const Stimulus& s) { return Sizes{s.movie.size(0), s.movie.size(2), s.movie.size(3)}; };
  if (frame(*movies.train) != frame(*movies.test)) {
    throw Error(
        file.place("test"),
        fmt::format("has (C, H, W) {}, but train has {}", text(frame(*movies.test)), text(frame(*movies.train))),
        "give both the same size");
  }
  const std::string place = file.place("random_sequences");
  const auto sequences = file.array("random_sequences").to(at::kLong);
  if (sequences.dim() != 2 || sequences.size(0) != movies.clips()) {
    throw Error(place, fmt::format("has shape {}, not ({}, sequences)", text(sequences.sizes().vec()), movies.clips()),
                "store one column per order of the clips");
  }
  for (int64_t s = 0; s < sequences.size(1); ++s) {
    const auto column = sequences.select(1, s).contiguous();
    std::vector<int64_t> order(column.const_data_ptr<int64_t>(), column.const_data_ptr<int64_t>() + column.numel());
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t clip = 0; clip < movies.clips(); ++clip) {
      if (sorted[clip] == clip) continue;
      throw Error(place, fmt::format("does not show each of the {} clips once in column {}", movies.clips(), s),
                  "store a permutation of 0 to clips - 1 in every column");
    }
    movies.sequences.push_back(std::move(order));
  }
  return movies;
}

class Field {  // one session
 public:
  // What it saw is given to read().
  Field(const Hdf5File& file, std::string name, const Hoefling2024Params& params)
      : file_(file), name_(std::move(name)), params_(params) {}

  // Nothing when no cell passes the filters.
  template <class Shown>
  std::optional<Session> read(const Shown& shown) {
    kept_ = good_cells();
    const int64_t neurons = kept_.numel();
    if (neurons == 0 || (params_.filter_counts && neurons <= params_.count_threshold)) return {};
    Session session;
    session.name = name_;
    session.neurons = neurons;
    session.frame_rate_hz = 30;
    add_trials(session, shown);
    add_info(session);
    return session;
  }

 private:
  std::string place(const std::string& data_set) const { return file_.file() + ": /" + name_ + "/" + data_set; }
  bool has(const std::string& data_set) const { return file_.has(name_ + "/" + data_set); }
  at::Tensor load(const std::string& data_set) const { return file_.read(name_ + "/" + data_set); }

  // An attribute of the group, or a data set in it.
  std::string fact(const std::string& key) const {
    if (auto found = file_.attribute(name_, key)) return *found;
    if (!has(key))
      throw Error(file_.file() + ": /" + name_, "has no attribute " + key, "store it, as in the published file");
    try {
      return file_.read_text(name_ + "/" + key);
    } catch (const Error&) {
      return fmt::format("{}", load(key).to(at::kDouble).flatten()[0].item<double>());
    }
  }

  at::Tensor per_cell(const std::string& data_set) const {
    const auto values = load(data_set);
    if (values.dim() < 1 || values.size(0) != cells()) {
      throw Error(place(data_set),
                  fmt::format("has shape {}, but there are {} cells", text(values.sizes().vec()), cells()),
                  "store one value per cell");
    }
    return values;
  }

  int64_t cells() const { return file_.shape(name_ + "/" + trace_name()).at(0); }

  std::string trace_name() const {
    const std::string stimulus = params_.response_type;
    if (params_.trace_type == "raw" || params_.trace_type == "detrended") return stimulus + "_raw_traces";
    if (params_.trace_type == "preprocessed") return stimulus + "_preprocessed_traces";
    return stimulus + (has(stimulus + "_inferred_spikes") ? "_inferred_spikes" : "_spikes");
  }

  // Indices of the cells that pass the quality checks, (kept) int64.
  at::Tensor good_cells() const {
    at::Tensor good = at::empty({cells()}, at::kBool).fill_(true);
    if (params_.filter_cell_types) {
      const auto types = per_cell("group_assignment").to(at::kLong);
      at::Tensor listed = at::empty({cells()}, at::kBool).fill_(false);
      for (const int64_t type : params_.cell_types_list) listed = listed.logical_or(types.eq(type));
      good = good.logical_and(listed);
    }
    if (params_.d_qi > 0 || params_.chirp_qi > 0) {
      const auto bar = per_cell("d_qi").ge(params_.d_qi), chirp = per_cell("chirp_qi").ge(params_.chirp_qi);
      good = good.logical_and(params_.qi_logic == "or" ? bar.logical_or(chirp) : bar.logical_and(chirp));
    }
    if (params_.classifier_confidence > 0) {
      const auto confidence = per_cell("group_confidences").flatten(1).amax(1);
      good = good.logical_and(confidence.ge(params_.classifier_confidence));
    }
    return good.nonzero().flatten();
  }

  at::Tensor traces() const {
    auto kept = [&](const std::string& name) { return load(name).to(at::kDouble).index_select(0, kept_); };
    at::Tensor all = kept(trace_name());
    if (all.dim() != 2 || all.size(1) == 0) {
      throw Error(place(trace_name()), fmt::format("has shape {}, not (N, T)", text(all.sizes().vec())),
                  "store cells, samples");
    }
    if (params_.trace_type == "detrended") all = all.sub(kept(params_.response_type + "_smoothed_traces"));
    check_responses(place(trace_name()), all.to(at::kFloat), /*allow_negative=*/true);
    return all;
  }

  // Of the samples of `traces`, (N, T) in s.
  at::Tensor times(const at::Tensor& traces) const {
    const std::string times = params_.response_type + "_traces_times";
    if (has(times)) {
      const auto all = load(times).to(at::kDouble).index_select(0, kept_);
      if (!all.sizes().equals(traces.sizes())) {
        throw Error(place(times),
                    fmt::format("has shape {}, but {} has {}", text(all.sizes().vec()), trace_name(),
                                text(traces.sizes().vec())),
                    "store the time of every sample");
      }
      if (all.diff(1, 1).le(0).any().item<bool>()) {
        throw Error(place(times), "does not increase from sample to sample", "store times in s, in order");
      }
      return all;
    }
    auto per_trace = [&](const std::string& name) {  // (N, 1), also of a scalar
      const auto value = load(params_.response_type + name).to(at::kDouble);
      return value.numel() == 1 ? value.reshape({1, 1}).expand({traces.size(0), 1})
                                : value.flatten().index_select(0, kept_).unsqueeze(1);
    };
    const auto steps = at::empty({traces.size(1)}, at::kDouble).fill_(1).cumsum(0).sub(1);
    return per_trace("_traces_dt").mul(steps).add_(per_trace("_traces_t0"));
  }

  // When each part of the stimulus began, in s.
  std::vector<double> triggers() const {
    auto when = load(trigger_name()).to(at::kDouble);
    if (when.dim() == 2) when = when.select(0, 0);
    when = when.contiguous();
    if (!when.isfinite().all().item<bool>() || when.diff().le(0).any().item<bool>()) {
      throw Error(place(trigger_name()), "holds times that are no numbers, or do not increase",
                  "correct them: when each part of the stimulus began, in s");
    }
    return {when.const_data_ptr<double>(), when.const_data_ptr<double>() + when.numel()};
  }
  std::string trigger_name() const { return params_.response_type + "_trigger_times"; }

  // Responses to a part of the stimulus, (N, frames) float32; does it count for the s.d. that traces are divided by?
  struct Part {
    at::Tensor responses;
    bool counts;
  };

  // Fills the parts, which follow each other, `frames` frames from each trigger on.
  void record(const std::vector<double>& triggers, double duration, int64_t frames,
              const std::vector<Part>& parts) const {
    const at::Tensor measured = traces(), when = times(measured);
    const auto at = frame_times(triggers, duration, frames);
    const size_t cells = measured.size(0), samples = measured.size(1);
    const double *values = measured.const_data_ptr<double>(), *seconds = when.const_data_ptr<double>();
    std::vector<double> scales(cells);
    // Cell by cell: all of them in float64 would be several times what is kept.
    at::parallel_for(0, measured.size(0), 1, [&](size_t first, size_t last) {
      for (size_t n = first; n < last; ++n) {
        const auto trace = resampled({values + n * samples, samples}, {seconds + n * samples, samples}, at);
        std::vector<std::span<const double>> runs, counted;
        const double* from = trace.data();
        for (const auto& [responses, counts] : parts) {
          runs.emplace_back(from, responses.size(1));
          if (counts && responses.size(1) > 0) counted.push_back(runs.back());
          from += responses.size(1);
        }
        scales[n] = params_.scale_traces / deviation(counted);
        for (size_t i = 0; i < parts.size(); ++i) {
          float* const to = parts[i].responses.mutable_data_ptr<float>() + n * parts[i].responses.stride(0);
          std::transform(runs[i].begin(), runs[i].end(), to,
                         [&](double value) { return static_cast<float>(value * scales[n]); });
        }
      }
    });
    if (!std::all_of(scales.begin(), scales.end(), [](double scale) { return std::isfinite(scale); })) {
      throw Error(place(trace_name()), "holds a trace that never changes", "leave that cell out, or filter by quality");
    }
  }

  // The s.d. of all the values; exactly 0 where nothing changes.
  static double deviation(const std::vector<std::span<const double>>& runs) {
    auto mean = [&](auto of) {
      double sum = 0;
      size_t count = 0;
      for (const auto& run : runs) {
        for (const double value : run) sum += of(value);
        count += run.size();
      }
      return sum / static_cast<double>(count);
    };
    const double near = runs.front().front(), offset = mean([&](double x) { return x - near; });
    return std::sqrt(mean([&](double x) { return (x - near - offset) * (x - near - offset); }));
  }

  bool left_eye() const { return fact("eye") == "left" && name_ != wrongly_labelled; }

  void add_trials(Session& session, const Movies& movies) const {
    const auto clips = triggers();
    const int64_t wanted = movies.clips() + 3 * movies.test_clips();
    if (static_cast<int64_t>(clips.size()) != wanted) {
      throw Error(place(trigger_name()),
                  fmt::format("holds {} triggers, but the movie has {} clips", clips.size(), wanted),
                  "give the movie that was shown, or the recording of the whole movie");
    }
    const std::string said = fact("scan_sequence_idx");
    char* end = nullptr;
    const double number = std::strtod(said.c_str(), &end);
    if (said.empty() || *end != 0 || !(number >= 0 && number < 1e6) || number != std::floor(number)) {
      throw Error(file_.file() + ": /" + name_, fmt::format("has the scan_sequence_idx '{}'", said),
                  "store which sequence of clips was shown: 0, 1, ...");
    }
    const auto sequence = static_cast<size_t>(number);
    if (sequence >= movies.sequences.size()) {
      throw Error(file_.file() + ": /" + name_,
                  fmt::format("has the scan_sequence_idx {}, but {} has {} sequences", sequence, movies.file,
                              movies.sequences.size()),
                  "give the movies that belong to these responses");
    }
    const bool left = left_eye();
    const int64_t test = movies.test->frames(), train = movies.train->frames(), half = movies.clips() / 2 * clip_length;
    Trial shown{.stimulus = movies.train, .responses = at::empty({session.neurons, train}, at::kFloat), .repeats = {}};
    shown.view = {movies.sequences[sequence], clip_length, left};
    Trial tested{
        .stimulus = movies.test, .responses = {}, .repeats = at::empty({3, session.neurons, test}, at::kFloat)};
    const bool tests_count = !params_.std_of_training;
    record(clips, clip_duration, clip_length,
           {{tested.repeats[0], tests_count},
            {shown.responses.slice(1, 0, half), true},
            {tested.repeats[1], tests_count},
            {shown.responses.slice(1, half), true},
            {tested.repeats[2], tests_count}});
    tested.responses = tested.repeats.mean(0);
    tested.view.mirrored = left;
    session.train.push_back(std::move(shown));
    session.tests.push_back(std::move(tested));
  }

  // A chirp or moving bars: a trial for each time that a part of it was shown.
  void add_trials(Session& session, const LightStimulus& light) const {
    auto starts = triggers();
    const auto each = static_cast<size_t>(light.triggers), parts = light.parts.size();
    const size_t repeats = starts.size() / (parts * each);
    if (repeats == 0) {
      throw Error(place(trigger_name()),
                  fmt::format("holds {} triggers, but one showing gives {}", starts.size(), parts * each),
                  "give the recording of at least one whole showing");
    }
    std::vector<double> begins;
    for (size_t i = 0; i < repeats * parts; ++i) begins.push_back(starts[i * each]);
    const int64_t frames = light.parts[0]->frames();
    std::vector<Part> trials;
    for (size_t i = 0; i < begins.size(); ++i) {
      trials.push_back({at::empty({session.neurons, frames}, at::kFloat), true});
      session.train.push_back(
          {.stimulus = light.parts[i % parts], .responses = trials.back().responses, .repeats = {}});
      session.train.back().view.mirrored = left_eye();
    }
    record(begins, light.duration, frames, trials);
  }

  void add_info(Session& session) const {
    for (const char* key : {"group_assignment", "roi_ids"}) {
      if (has(key)) session.info[key] = per_cell(key).index_select(0, kept_);
    }
    if (const auto type = session.info.find("group_assignment"); type != session.info.end())
      session.info["cell_type"] = type->second;
    if (!has("roi_mask") || !session.info.contains("roi_ids")) return;
    const auto mask = load("roi_mask").to(at::kLong), ids = session.info["roi_ids"].to(at::kLong);
    at::Tensor positions = at::empty({session.neurons, 2}, at::kFloat);
    for (int64_t n = 0; n < session.neurons; ++n) {
      const auto pixels = mask.eq(-ids[n].item<int64_t>()).nonzero();  // (pixels, 2): row, column
      if (pixels.size(0) == 0) return;                                 // a mask of other regions says nothing
      // 25 mask pixels are two of the 8 stimulus pixels of 50 um that a field covers, and 2.75 is their offset.
      positions[n] = pixels.to(at::kFloat).mean(0).div(25).add(2.75).div(8).sub(0.5).mul(2);
    }
    session.info["positions"] = positions;
  }

  const Hdf5File& file_;
  const std::string name_;
  const Hoefling2024Params& params_;
  at::Tensor kept_;
};

}  // namespace

namespace {

template <class Shown>
Recordings read(const Hoefling2024Params& params, const Shown& shown, const Stimulus& any) {
  const Hdf5File file(params.responses);
  Recordings recordings;
  for (std::string group : file.names()) {
    if (!group.ends_with("/")) continue;
    group.pop_back();
    try {
      if (auto session = Field(file, group, params).read(shown)) recordings.sessions.push_back(std::move(*session));
    } catch (const Error&) {
      throw;
    } catch (const std::exception&) {  // what NumPy's broadcasting, too, would stumble over
      throw Error(params.responses + ": /" + group, "holds data sets whose shapes or types do not fit together",
                  "copy or download the file again");
    }
  }
  if (recordings.sessions.empty()) {
    throw Error(params.responses, "holds no session of which cells pass the quality checks",
                "loosen quality_checks, or name a file with a group per session");
  }
  recordings.channels = any.channels();
  recordings.height = any.height();
  recordings.width = any.width();
  return recordings;
}

}  // namespace

Recordings read_hoefling_2024(const Hoefling2024Params& params) {
  if (params.response_type == "natural") {
    const Movies movies = read_movies(params.movies);
    return read(params, movies, *movies.train);
  }
  const bool chirp = params.response_type == "chirp";
  const auto light =
      chirp ? read_chirp(params.movies, params.light_rate_hz) : read_moving_bars(params.movies, params.light_rate_hz);
  return read(params, light, *light.parts[0]);
}

config::Node join_hoefling(const config::Node& stimuli, const config::Node& responses) {
  config::Node joined = config::Node::map();
  joined.location = stimuli.location;
  auto take = [&](const char* key, const config::Node* value) {
    if (!value) throw Error(config::where(responses, "data_io"), std::string("names no ") + key, "set file_path");
    joined[key] = *value;
  };
  take("movies", stimuli.find("file_path"));
  const config::Node* filtered = responses.find("data_dict");
  const config::Node* loaded = filtered ? filtered->find("all_responses") : nullptr;
  take("responses", loaded ? loaded->find("file_path") : responses.at_path("data_dict.file_path"));
  for (const config::Node* node : {filtered, &responses}) {
    for (const auto& [key, value] : node->entries) {
      if (key.starts_with("_") || key == "data_dict" || key == "all_responses" || key == "file_path") continue;
      joined[key] = value;
    }
  }
  return joined;
}

}  // namespace plexiform::data

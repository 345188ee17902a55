#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/movie.h>
#include <data/sensorium.h>
#include <data/session_files.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

// What was shown and measured in one trial.
struct Shown {
  at::Tensor movie;                // (C, T, H, W), a view of the file
  at::Tensor responses;            // (N, T)
  std::vector<at::Tensor> traces;  // (K, T) each
};

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Frames before those that are NaN, which fill up the end of (..., T).
int64_t frames_that_count(const at::Tensor& values, const std::string& place) {
  const int64_t frames = values.size(-1);
  if (!values.is_floating_point() || values.sum().isfinite().item<bool>()) return frames;
  const auto missing = values.flatten(0, -2).isnan().any(0), places = missing.nonzero();
  if (places.numel() == 0) return frames;
  const int64_t first = places[0].item<int64_t>();
  if (!missing.slice(0, first).all().item<bool>())
    throw Error(place, fmt::format("is not a number at frame {}, but later again", first),
                "take the trial out, or correct it");
  return first;
}

class Mouse {
 public:
  Mouse(std::string folder, std::string name, const SensoriumParams& params)
      : folder_(std::move(folder)), name_(std::move(name)), params_(params) {
    tiers_ = read_npy_texts(folder_ + "/meta/trials/tiers.npy");
    images_ = !fs::is_directory(folder_ + "/data/videos");
    stimuli_ = existing_folder(folder_ + (images_ ? "/data/images" : "/data/videos"), "path",
                               "give a folder of sessions, each with data/videos or data/images");
    for (const char* trace : {"behavior", "pupil_center"}) {
      if (fs::is_directory(folder_ + "/data/" + trace)) traces_.push_back(trace);
    }
  }

  Session read() {
    for (size_t trial = 0; trial < tiers_.size(); ++trial) {
      if (contains(params_.train_tiers, tiers_[trial])) train_.push_back(read_trial(trial));
      if (contains(params_.test_tiers, tiers_[trial])) tests_.push_back(read_trial(trial));
    }
    if (train_.empty()) {
      const std::set<std::string> known(tiers_.begin(), tiers_.end());
      throw Error(folder_ + "/meta/trials/tiers.npy",
                  fmt::format("has no trial for training ({}), but {}", fmt::join(params_.train_tiers, ", "),
                              fmt::join(known, ", ")),
                  "correct train_tiers");
    }
    Session session;
    session.name = name_;
    session.neurons = train_[0].responses.size(0);
    session.frame_rate_hz = images_ ? 0 : params_.frame_rate_hz;
    session.discard_frames = params_.discard_frames;
    measure();
    for (const auto& shown : train_) {
      session.train.push_back({.stimulus = stimulus("train", shown), .responses = scaled(shown), .repeats = {}});
      session.train.back().traces = scaled_traces(shown);
    }
    add_tests(session);
    add_info(session);
    return session;
  }

 private:
  std::string file(const std::string& kind, size_t trial) const {
    return fmt::format("{}/data/{}/{}.npy", folder_, kind, trial);
  }

  // (rows, T) of a response or a trace.
  at::Tensor rows(const std::string& kind, size_t trial) const {
    const std::string name = file(kind, trial);
    at::Tensor values = read_npy(name).to(at::kFloat);
    if (images_ && values.dim() == 1) values = values.unsqueeze(1);
    if (values.dim() != 2 || values.numel() == 0) {
      throw Error(name, fmt::format("has shape {}, not {}", text(values.sizes().vec()), images_ ? "(N)" : "(N, T)"),
                  "store rows, frames");
    }
    return values;
  }

  Shown read_trial(size_t trial) {
    Shown shown;
    const std::string place = (fs::path(stimuli_) / fmt::format("{}.npy", trial)).string();
    const at::Tensor stored = map_npy(place);
    if (stored.dim() != 3 || stored.numel() == 0) {
      throw Error(place,
                  fmt::format("has shape {}, not {}", text(stored.sizes().vec()),
                              images_ ? "(C, rows, columns)" : "(rows, columns, T)"),
                  images_ ? "store channels, rows, columns" : "store rows, columns, frames");
    }
    shown.movie = images_ ? stored.unsqueeze(1) : stored.permute({2, 0, 1}).unsqueeze(0);
    const bool gathered = stored.is_floating_point() || stored.scalar_type() == at::kByte ||
                          stored.scalar_type() == at::kChar || stored.scalar_type() == at::kShort;
    if (!gathered) shown.movie = compact(shown.movie);  // what a batch is not gathered from as it is
    shown.responses = rows("responses", trial);
    for (const auto& trace : traces_) shown.traces.push_back(rows(trace, trial));

    const int64_t frames = shown.movie.size(1);
    int64_t valid = images_ ? 1 : frames_that_count(stored, place);
    auto look_at = [&](const std::string& kind, const at::Tensor& values) {
      if (values.size(1) != frames) {
        throw Error(file(kind, trial), fmt::format("has {} frames, but {} has {}", values.size(1), place, frames),
                    "store one value per frame");
      }
      valid = std::min(valid, images_ ? 1 : frames_that_count(values, file(kind, trial)));
    };
    look_at("responses", shown.responses);
    for (size_t i = 0; i < traces_.size(); ++i) look_at(traces_[i], shown.traces[i]);
    if (valid == 0)
      throw Error(file("responses", trial), "is not a number from its first frame on, or its movie or traces are",
                  "take the trial out of train_tiers and test_tiers");
    shown.movie = shown.movie.slice(1, 0, valid);
    shown.responses = shown.responses.slice(1, 0, valid).contiguous();
    for (auto& trace : shown.traces) trace = trace.slice(1, 0, valid).contiguous();
    if (shown.movie.is_floating_point()) check_movie(place, shown.movie.to(at::kFloat).contiguous());
    check_responses(file("responses", trial), shown.responses, /*allow_negative=*/true);
    for (size_t i = 0; i < traces_.size(); ++i) check_responses(file(traces_[i], trial), shown.traces[i], true);
    check_like_first(shown, place, trial);
    return shown;
  }

  void check_like_first(const Shown& shown, const std::string& place, size_t trial) {
    if (train_.empty() && tests_.empty()) return;
    const Shown& first = train_.empty() ? tests_[0] : train_[0];
    auto frame = [](const at::Tensor& movie) { return Sizes{movie.size(0), movie.size(2), movie.size(3)}; };
    if (frame(shown.movie) != frame(first.movie)) {
      throw Error(place,
                  fmt::format("has (C, H, W) {}, but the session's first has {}", text(frame(shown.movie)),
                              text(frame(first.movie))),
                  "give all stimuli of a session one size");
    }
    auto same = [&](const std::string& kind, const at::Tensor& own, const at::Tensor& other) {
      if (own.size(0) == other.size(0)) return;
      throw Error(file(kind, trial),
                  fmt::format("has {} rows, but the session's first has {}", own.size(0), other.size(0)),
                  "store the same neurons or traces in every trial");
    };
    same("responses", shown.responses, first.responses);
    for (size_t i = 0; i < traces_.size(); ++i) same(traces_[i], shown.traces[i], first.traces[i]);
  }

  // Means and deviations of the training trials.
  void measure() {
    if (params_.normalize_stimuli) {
      Moments all;
      for (const auto& shown : train_) all += moments(compact(shown.movie));
      if (all.std() == 0)
        throw Error(stimuli_, fmt::format("its training movies are {} everywhere", all.mean),
                    "set normalize_stimuli: false");
      mean_ = all.mean;
      std_ = all.std();
    }
    auto joined = [&](auto part) {
      std::vector<at::Tensor> parts;
      for (const auto& shown : train_) parts.push_back(part(shown));
      return at::cat(parts, 1);
    };
    if (params_.normalize_responses) {
      const auto deviation =
          joined([](const Shown& s) { return s.responses; }).std(1, /*unbiased=*/false, /*keepdim=*/true);
      // A neuron that hardly ever fires is not blown up: the competitions' rule.
      const auto least = deviation.mean().mul(0.01);
      response_scale_ = at::where(deviation.gt(least), deviation, least.expand_as(deviation)).reciprocal();
      if (!response_scale_.isfinite().all().item<bool>())
        throw Error(folder_ + "/data/responses", "never change in training", "set normalize_responses: false");
    }
    for (size_t i = 0; i < traces_.size() && params_.normalize_traces; ++i) {
      const auto all = joined([&](const Shown& s) { return s.traces[i]; });
      const auto deviation = all.std(1, false, true);
      trace_mean_.push_back(all.mean(1, true));
      trace_std_.push_back(at::where(deviation.gt(0), deviation, at::full({1}, 1.0f)));
    }
  }

  std::shared_ptr<const Stimulus> stimulus(const std::string& name, const Shown& shown) const {
    auto made = std::make_shared<Stimulus>(Stimulus{name, shown.movie});
    made->mean = mean_;
    made->std = std_;
    return made;
  }

  at::Tensor scaled(const Shown& shown) const {
    return response_scale_.defined() ? shown.responses.mul(response_scale_).contiguous() : shown.responses;
  }

  std::vector<Named> scaled_traces(const Shown& shown) const {
    std::vector<Named> all;
    for (size_t i = 0; i < traces_.size(); ++i) {
      const at::Tensor& values = shown.traces[i];
      all.push_back(
          {traces_[i], trace_mean_.empty() ? values : values.sub(trace_mean_[i]).div(trace_std_[i]).contiguous()});
    }
    return all;
  }

  void add_tests(Session& session) const {
    std::vector<std::vector<const Shown*>> groups;  // of trials that show the same
    for (const auto& shown : tests_) {
      auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
        const at::Tensor& other = group[0]->movie;
        return other.scalar_type() == shown.movie.scalar_type() && other.sizes().equals(shown.movie.sizes()) &&
               other.equal(shown.movie);
      });
      same == groups.end() ? groups.push_back({&shown}) : same->push_back(&shown);
    }
    for (size_t g = 0; g < groups.size(); ++g) {
      std::vector<at::Tensor> responses;
      std::vector<std::vector<at::Tensor>> traces(traces_.size());
      for (const Shown* shown : groups[g]) {
        responses.push_back(scaled(*shown));
        const auto own = scaled_traces(*shown);
        for (size_t i = 0; i < own.size(); ++i) traces[i].push_back(own[i].tensor);
      }
      const at::Tensor repeats = at::stack(responses);
      const std::string name = groups.size() == 1 ? "test" : fmt::format("test_{}", g + 1);
      Trial trial{.stimulus = stimulus(name, *groups[g][0]), .responses = repeats.mean(0), .repeats = {}};
      if (repeats.size(0) > 1) trial.repeats = repeats;
      for (size_t i = 0; i < traces.size(); ++i) trial.traces.push_back({traces_[i], at::stack(traces[i]).mean(0)});
      session.tests.push_back(std::move(trial));
    }
  }

  void add_info(Session& session) const {
    const std::string folder = folder_ + "/meta/neurons";
    if (!fs::is_directory(folder)) return;
    for (const auto& name : files_in(folder, ".npy")) {
      try {
        const at::Tensor values = read_npy(folder + "/" + name);
        if (values.dim() > 0 && values.size(0) == session.neurons) session.info[fs::path(name).stem()] = values;
      } catch (const Error&) {
        // Texts, such as the names of areas: nothing here depends on them.
      }
    }
  }

  const std::string folder_, name_;
  const SensoriumParams& params_;
  std::vector<std::string> tiers_, traces_;
  std::string stimuli_;
  bool images_ = false;
  std::vector<Shown> train_, tests_;
  double mean_ = 0, std_ = 1;
  at::Tensor response_scale_;
  std::vector<at::Tensor> trace_mean_, trace_std_;
};

// Also where the file is a link to nowhere: a session that was not fetched is told, not left out.
bool is_session(const std::string& folder) {
  const std::string tiers = folder + "/meta/trials/tiers.npy";
  return fs::exists(tiers) || fs::is_symlink(tiers);
}

}  // namespace

Recordings read_sensorium(const SensoriumParams& params) {
  const std::string folder = existing_folder(params.path, "path", "give the folder with a folder per session");
  Recordings recordings;
  if (is_session(folder)) {
    const fs::path place = fs::absolute(folder);
    recordings.sessions.push_back(
        Mouse(folder, place.has_filename() ? place.filename() : place.parent_path().filename(), params).read());
  } else {
    for (const auto& name : folders_in(folder)) {
      if (is_session(folder + "/" + name))
        recordings.sessions.push_back(Mouse(folder + "/" + name, name, params).read());
    }
  }
  demand_sessions(recordings, folder, "a folder per session that holds data/ and meta/trials/tiers.npy");
  set_size(recordings, folder);
  return recordings;
}

}  // namespace plexiform::data

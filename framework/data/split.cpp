#include <data/clips.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace plexiform::data {
namespace {

std::vector<Part> test_parts(const Session& session, size_t index, int64_t skip, int64_t history) {
  std::vector<Part> parts;
  for (size_t trial = 0; trial < session.tests.size(); ++trial) {
    const Stimulus& stimulus = *session.tests[trial].stimulus;
    const int64_t frames = session.tests[trial].frames(), length = frames - skip;
    if (length <= history) {
      throw Error(fmt::format("test stimulus '{}'", stimulus.name),
                  fmt::format("has {} frames, of which the first {} get no prediction", frames, skip + history),
                  "take it out of test_names, or use a core that sees fewer past frames");
    }
    parts.push_back({.session = index,
                     .name = stimulus.name,
                     .length = length,
                     .test = true,
                     .windows = {{trial, skip}},
                     .stretches = {{trial, skip, length}}});
  }
  return parts;
}

// Windows over whole trials, each beginning where the one before ended its predictions.
Part trial_part(const Session& session, size_t index, const std::string& name, const std::vector<int64_t>& trials,
                const LoaderParams& params, int64_t history) {
  Part part{.session = index, .name = name, .length = params.train_chunk_size, .fixed = true};
  if (part.length <= history) {
    refuse_knob("time_chunk_size",
                fmt::format("gives windows of {} frames, but the first {} get no prediction", part.length, history),
                "use a longer one");
  }
  const int64_t step = part.length - history;
  for (const int64_t trial : trials) {
    const int64_t frames = session.train.at(trial).frames();
    if (frames < part.length) {
      refuse_knob("time_chunk_size",
                  fmt::format("gives windows of {} frames, but trial {} of session '{}' has {}", part.length, trial,
                              session.name, frames),
                  "use a shorter one, or a core that sees fewer past frames");
    }
    for (int64_t at = 0; at + part.length <= frames; at += step)
      part.windows.push_back({static_cast<size_t>(trial), at});
    part.stretches.push_back({static_cast<size_t>(trial), 0, frames});
  }
  if (part.windows.empty()) {
    refuse_knob("train_frac", fmt::format("leaves session '{}' no {} trial", session.name, name),
                "use another fraction, or more trials");
  }
  return part;
}

class SessionSplit {
 public:
  SessionSplit(const Recordings& recordings, size_t index, const LoaderParams& params, int64_t history)
      : session_(recordings.sessions[index]),
        index_(index),
        params_(params),
        history_(history),
        // what a window leaves out in front so that its first predicted bin is not a discarded one
        skip_(std::max<int64_t>(0, session_.discard_frames - history)) {
    if (params.allow_over_boundaries && session_.discard_frames > 0) {
      refuse_knob("allow_over_boundaries",
                  fmt::format("is true, but session '{}' discards the first {} frames of each trial, "
                              "which such windows "
                              "cannot leave out",
                              session_.name, session_.discard_frames),
                  "use false");
    }
    clips_ = cut(session_, params);
    if (clips_.empty()) {
      const int64_t frames = frames_in_a_row();
      refuse_knob("clip_length",
                  fmt::format("is {}, but session '{}' has {} training frames in a row", params.clip_length,
                              session_.name, frames),
                  fmt::format("use at most {}", frames));
    }
    chosen_ = choose_validation(session_, static_cast<int64_t>(clips_.size()), params);
  }

  Part validation() const {
    Part part{.session = index_,
              .name = "validation",
              .length = params_.clip_length - skip_,
              .across = params_.allow_over_boundaries};
    if (part.length <= history_) {
      refuse_knob("clip_length",
                  fmt::format("is {}, but the first {} frames of a clip get no prediction", params_.clip_length,
                              skip_ + history_),
                  fmt::format("use at least {}", skip_ + history_ + 1));
    }
    for (const int64_t index : chosen_) {
      Stretch first = clips_[index].front();
      first.begin += skip_;
      first.length -= skip_;
      part.windows.push_back({first.trial, first.begin});
      part.stretches.push_back(first);
      part.stretches.insert(part.stretches.end(), clips_[index].begin() + 1, clips_[index].end());
    }
    return part;
  }

  Part train() const {
    Part part{.session = index_,
              .name = "train",
              .length = params_.train_chunk_size,
              .across = params_.allow_over_boundaries};
    if (part.length <= history_) {
      refuse_knob("train_chunk_size",
                  fmt::format("is {}, but the first {} frames of a window get no prediction", part.length, history_),
                  fmt::format("use at least {}", history_ + 1));
    }
    part.stretches = left_over();
    int64_t longest = 0;
    for (const auto& stretch : part.stretches) {
      longest = part.across ? longest + stretch.length : std::max(longest, stretch.length);
    }
    if (longest < part.length) {
      refuse_knob("train_chunk_size",
                  fmt::format("is {}, but the longest run of training frames in session '{}' has {}", part.length,
                              session_.name, longest),
                  longest > history_ ? fmt::format("use at most {}", longest) : "set fewer clips aside for validation");
    }
    int64_t at = 0;  // from the begin of the stretch
    for (const auto& stretch : part.stretches) {
      const int64_t room = part.across ? 1 : part.length;
      for (; at + room <= stretch.length; at += part.length) {
        part.windows.push_back({stretch.trial, stretch.begin + at});
      }
      at = part.across ? at - stretch.length : 0;
    }
    return part;
  }

  std::vector<Part> tests() const { return test_parts(session_, index_, skip_, history_); }

 private:
  int64_t frames_in_a_row() const {
    int64_t longest = 0, all = 0;
    for (const auto& trial : session_.train) {
      longest = std::max(longest, trial.frames());
      all += trial.frames();
    }
    return params_.allow_over_boundaries ? all : longest;
  }

  // What the validation clips leave, in runs as long as they can be.
  std::vector<Stretch> left_over() const {
    std::vector<bool> kept(clips_.size(), true);
    for (const int64_t index : chosen_) kept[index] = false;
    std::vector<Stretch> pieces;
    for (size_t i = 0; i < clips_.size(); ++i) {
      if (kept[i]) pieces.insert(pieces.end(), clips_[i].begin(), clips_[i].end());
    }
    for (size_t trial = 0; trial < session_.train.size() && !params_.allow_over_boundaries; ++trial) {
      const int64_t frames = session_.train[trial].frames();
      const int64_t tail = frames % params_.clip_length;
      pieces.push_back({trial, frames - tail, tail});
    }
    std::sort(pieces.begin(), pieces.end(), [](const Stretch& a, const Stretch& b) {
      return std::tie(a.trial, a.begin) < std::tie(b.trial, b.begin);
    });

    std::vector<Stretch> runs;
    for (Stretch piece : pieces) {
      const int64_t skipped = std::max<int64_t>(0, skip_ - piece.begin);
      piece.begin += skipped;
      piece.length -= skipped;
      if (piece.length <= 0) continue;
      const bool goes_on =
          !runs.empty() && runs.back().trial == piece.trial && runs.back().begin + runs.back().length == piece.begin;
      if (goes_on) {
        runs.back().length += piece.length;
      } else {
        runs.push_back(piece);
      }
    }
    return runs;
  }

  const Session& session_;
  const size_t index_;
  const LoaderParams& params_;
  const int64_t history_, skip_;
  std::vector<Clip> clips_;
  std::vector<int64_t> chosen_;
};

}  // namespace

Split split(const Recordings& recordings, const LoaderParams& params, int64_t history) {
  Split result;
  for (size_t i = 0; i < recordings.sessions.size(); ++i) {
    if (params.trials) {
      const Session& session = recordings.sessions[i];
      const auto drawn = params.trials->draw(static_cast<int64_t>(session.train.size()));
      result.validation.push_back(trial_part(session, i, "validation", drawn.validation, params, history));
      result.train.push_back(trial_part(session, i, "train", drawn.train, params, history));
      for (auto& part : test_parts(session, i, 0, history)) result.tests.push_back(std::move(part));
      continue;
    }
    const SessionSplit session(recordings, i, params, history);
    result.validation.push_back(session.validation());
    result.train.push_back(session.train());
    for (auto& part : session.tests()) result.tests.push_back(std::move(part));
  }
  return result;
}

int64_t windows_per_batch(const LoaderParams& params, int64_t length) {
  if (length <= params.train_chunk_size) return params.batch_size;
  return std::max<int64_t>(1, params.batch_size * params.train_chunk_size / length);
}

std::vector<std::vector<Window>> in_order(const Part& part, int64_t batch_size) {
  std::vector<std::vector<Window>> batches;
  for (auto first = part.windows.begin(); first != part.windows.end();) {
    const auto last = first + std::min<int64_t>(batch_size, part.windows.end() - first);
    batches.emplace_back(first, last);
    first = last;
  }
  return batches;
}

}  // namespace plexiform::data

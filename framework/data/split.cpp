#include <config/knobs.h>
#include <data/batches.h>
#include <data/numpy_random.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

const std::string own_target = "plexiform.data.Clips";
const std::string openretina_target =
    "openretina.data_io.base_dataloader.multiple_movies_dataloaders";

[[noreturn]] void refuse(const std::string& knob, const std::string& problem,
                         const std::string& fix) {
  throw Error("dataloader." + knob, problem, fix);
}

// The trials' frames [begin, begin + length), counted as if the trials were joined.
std::vector<Stretch> joined(const std::vector<Trial>& trials, int64_t begin, int64_t length) {
  std::vector<Stretch> stretches;
  for (size_t trial = 0; trial < trials.size() && length > 0; ++trial) {
    const int64_t frames = trials[trial].stimulus->frames();
    if (begin < frames) {
      stretches.push_back({trial, begin, std::min(length, frames - begin)});
      length -= stretches.back().length;
    }
    begin = std::max<int64_t>(0, begin - frames);
  }
  return stretches;
}

// Adds a stretch, as part of the last one where it continues that.
void append(std::vector<Stretch>& stretches, const Stretch& next) {
  if (next.length <= 0) return;
  if (!stretches.empty()) {
    Stretch& last = stretches.back();
    if (last.trial == next.trial && last.begin + last.length == next.begin) {
      last.length += next.length;
      return;
    }
  }
  stretches.push_back(next);
}

// A session's clips, each in one trial or, `over_boundaries`, in as many as it meets.
std::vector<std::vector<Stretch>> cut(const Session& session, int64_t clip_length,
                                      bool over_boundaries) {
  std::vector<std::vector<Stretch>> clips;
  int64_t frames = 0;
  for (size_t trial = 0; trial < session.train.size(); ++trial) {
    const int64_t own = session.train[trial].stimulus->frames();
    frames += own;
    if (over_boundaries) continue;
    for (int64_t begin = 0; begin + clip_length <= own; begin += clip_length) {
      clips.push_back({{trial, begin, clip_length}});
    }
  }
  if (over_boundaries) {
    for (int64_t begin = 0; begin + clip_length <= frames; begin += clip_length) {
      clips.push_back(joined(session.train, begin, clip_length));
    }
  }
  return clips;
}

// Which of a session's `clips` clips are for validation, in order.
std::vector<int64_t> choose(const Session& session, int64_t clips, const LoaderParams& params) {
  if (!params.val_clip_indices) {
    if (params.num_val_clips >= clips) {
      refuse("num_val_clips",
             fmt::format("is {}, but session '{}' has {} clips of {} frames", params.num_val_clips,
                         session.name, clips, params.clip_length),
             clips > 1 ? fmt::format("use at most {}, or a smaller clip_length", clips - 1)
                       : "use a smaller clip_length");
    }
    return NumpyRandom(static_cast<uint32_t>(params.seed)).choice(clips, params.num_val_clips);
  }
  std::vector<bool> taken(clips);
  for (const int64_t index : *params.val_clip_indices) {
    if (index >= clips) {
      refuse("val_clip_indices",
             fmt::format("holds {}, but session '{}' has {} clips", index, session.name, clips),
             fmt::format("use 0 to {}", clips - 1));
    }
    if (taken[index])
      refuse("val_clip_indices", fmt::format("holds {} twice", index), "list each clip once");
    taken[index] = true;
  }
  const auto count = static_cast<int64_t>(params.val_clip_indices->size());
  if (count == 0)
    refuse("val_clip_indices", "is empty", "list at least one clip, or use null to draw them");
  if (count == clips) {
    refuse("val_clip_indices",
           fmt::format("lists all {} clips of session '{}'", clips, session.name),
           "leave some to train on");
  }
  return *params.val_clip_indices;
}

class SessionSplit {
 public:
  SessionSplit(const Recordings& recordings, size_t index, const LoaderParams& params,
               int64_t history)
      : session_(recordings.sessions[index]),
        index_(index),
        params_(params),
        history_(history),
        // what a window leaves out in front so that its first predicted bin is not a discarded one
        skip_(std::max<int64_t>(0, session_.discard_frames - history)) {
    if (params.allow_over_boundaries && session_.discard_frames > 0) {
      refuse("allow_over_boundaries",
             fmt::format("is true, but session '{}' discards the first {} frames of each trial, "
                         "which such windows "
                         "cannot leave out",
                         session_.name, session_.discard_frames),
             "use false");
    }
    clips_ = cut(session_, params.clip_length, params.allow_over_boundaries);
    if (clips_.empty()) {
      int64_t longest = 0;
      for (const auto& trial : session_.train)
        longest = std::max(longest, trial.stimulus->frames());
      refuse("clip_length",
             fmt::format("is {}, but the longest training trial of session '{}' has {} frames",
                         params.clip_length, session_.name, longest),
             fmt::format("use at most {}", longest));
    }
    chosen_ = choose(session_, static_cast<int64_t>(clips_.size()), params);
  }

  Part validation() const {
    Part part{.session = index_,
              .name = "validation",
              .length = params_.clip_length - skip_,
              .across = params_.allow_over_boundaries};
    if (part.length <= history_) {
      refuse("clip_length",
             fmt::format("is {}, but the first {} frames of a clip get no prediction",
                         params_.clip_length, skip_ + history_),
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
      refuse("train_chunk_size",
             fmt::format("is {}, but the first {} frames of a window get no prediction",
                         part.length, history_),
             fmt::format("use at least {}", history_ + 1));
    }
    part.stretches = params_.allow_over_boundaries ? spliced() : undivided();
    int64_t longest = 0;
    for (const auto& stretch : part.stretches) {
      longest = part.across ? longest + stretch.length : std::max(longest, stretch.length);
    }
    if (longest < part.length) {
      refuse("train_chunk_size",
             fmt::format("is {}, but the longest run of training frames in session '{}' has {}",
                         part.length, session_.name, longest),
             longest > history_ ? fmt::format("use at most {}", longest)
                                : "set fewer clips aside for validation");
    }
    if (part.across) {
      // One start per chunk of the spliced frames, the last one cut short by the end: it will be
      // moved back.
      int64_t at = 0, next = 0;
      for (const auto& stretch : part.stretches) {
        for (; next < at + stretch.length; next += part.length) {
          part.windows.push_back({stretch.trial, stretch.begin + next - at});
        }
        at += stretch.length;
      }
    } else {
      for (const auto& stretch : part.stretches) {
        for (int64_t at = 0; at + part.length <= stretch.length; at += part.length) {
          part.windows.push_back({stretch.trial, stretch.begin + at});
        }
      }
    }
    return part;
  }

  std::vector<Part> tests() const {
    std::vector<Part> parts;
    for (size_t trial = 0; trial < session_.tests.size(); ++trial) {
      const Stimulus& stimulus = *session_.tests[trial].stimulus;
      const int64_t length = stimulus.frames() - skip_;
      if (length <= history_) {
        throw Error(fmt::format("test stimulus '{}'", stimulus.name),
                    fmt::format("has {} frames, of which the first {} get no prediction",
                                stimulus.frames(), skip_ + history_),
                    "take it out of test_names, or use a core that sees fewer past frames");
      }
      parts.push_back({.session = index_,
                       .name = stimulus.name,
                       .length = length,
                       .test = true,
                       .windows = {{trial, skip_}},
                       .stretches = {{trial, skip_, length}}});
    }
    return parts;
  }

 private:
  std::vector<bool> kept() const {
    std::vector<bool> kept(clips_.size(), true);
    for (const int64_t index : chosen_) kept[index] = false;
    return kept;
  }

  // The clips that are left, in order.
  std::vector<Stretch> spliced() const {
    const auto keep = kept();
    std::vector<Stretch> stretches;
    for (size_t i = 0; i < clips_.size(); ++i) {
      if (!keep[i]) continue;
      for (const auto& piece : clips_[i]) append(stretches, piece);
    }
    return stretches;
  }

  // What each trial has between its validation clips, with the frames after its last whole clip.
  std::vector<Stretch> undivided() const {
    const auto keep = kept();
    std::vector<Stretch> stretches;
    size_t clip = 0;
    for (size_t trial = 0; trial < session_.train.size(); ++trial) {
      int64_t begin = 0;
      auto add = [&](int64_t end) {
        const int64_t from = std::max(begin, skip_);
        append(stretches, {trial, from, end - from});
        begin = end;
      };
      for (; clip < clips_.size() && clips_[clip].front().trial == trial; ++clip) {
        const Stretch& own = clips_[clip].front();
        if (keep[clip]) continue;
        add(own.begin);
        begin = own.begin + own.length;
      }
      add(session_.train[trial].stimulus->frames());
    }
    return stretches;
  }

  const Session& session_;
  const size_t index_;
  const LoaderParams& params_;
  const int64_t history_, skip_;
  std::vector<std::vector<Stretch>> clips_;
  std::vector<int64_t> chosen_;
};

}  // namespace

LoaderParams read_loader(const config::Node& root) {
  const config::Node* node = root.find("dataloader");
  if (!node)
    throw Error("dataloader", "is missing", "add a dataloader node with _target_: " + own_target);
  const config::Node* target = node->find("_target_");
  LoaderParams params;
  if (!target || target->string == own_target)
    return config::read_knobs(*node, "dataloader", params);
  if (target->string != openretina_target) {
    throw Error(config::where(*target, "dataloader._target_"),
                fmt::format("no loader is called '{}'", target->string),
                did_you_mean(target->string, {own_target, openretina_target}));
  }
  params.allow_over_boundaries = true;
  return config::read_knobs(*node, "dataloader", params);
}

Split split(const Recordings& recordings, const LoaderParams& params, int64_t history) {
  Split result;
  for (size_t i = 0; i < recordings.sessions.size(); ++i) {
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

#include <data/clips.h>
#include <data/numpy_random.h>
#include <fmt/format.h>

#include <algorithm>

namespace plexiform::data {
namespace {

// The trials' frames [begin, begin + length), counted as if the trials were joined.
Clip joined(const std::vector<Trial>& trials, int64_t begin, int64_t length) {
  Clip clip;
  for (size_t trial = 0; trial < trials.size() && length > 0; ++trial) {
    const int64_t frames = trials[trial].frames();
    if (begin < frames) {
      clip.push_back({trial, begin, std::min(length, frames - begin)});
      length -= clip.back().length;
    }
    begin = std::max<int64_t>(0, begin - frames);
  }
  return clip;
}

}  // namespace

std::vector<Clip> cut(const Session& session, const LoaderParams& params) {
  const int64_t length = params.clip_length;
  std::vector<Clip> clips;
  int64_t frames = 0;
  for (size_t trial = 0; trial < session.train.size(); ++trial) {
    const int64_t own = session.train[trial].frames();
    frames += own;
    if (params.allow_over_boundaries) continue;
    for (int64_t i = 0; i < own / length; ++i) clips.push_back({{trial, i * length, length}});
  }
  if (params.allow_over_boundaries) {
    for (int64_t i = 0; i < frames / length; ++i) {
      clips.push_back(joined(session.train, i * length, length));
    }
  }
  return clips;
}

namespace {

// Where the clips of the stimulus that were chosen were shown.
std::vector<int64_t> shown_at(const Session& session, std::vector<int64_t> chosen, const LoaderParams& params) {
  if (session.train.size() != 1 || session.train[0].view.clips.empty()) return chosen;
  const auto& [order, length, mirrored] = session.train[0].view;
  if (params.clip_length != length) {
    refuse_knob("clip_length",
                fmt::format("is {}, but session '{}' saw clips of {} frames in an order of its own", params.clip_length,
                            session.name, length),
                fmt::format("use {}", length));
  }
  for (auto& clip : chosen) clip = std::find(order.begin(), order.end(), clip) - order.begin();
  return chosen;
}

// Clips as the stimulus numbers them.
std::vector<int64_t> choose(const Session& session, int64_t clips, const LoaderParams& params) {
  if (!params.val_clip_indices) {
    if (params.num_val_clips >= clips) {
      refuse_knob(
          "num_val_clips",
          fmt::format("is {}, but session '{}' has {} clips of {} frames", params.num_val_clips, session.name, clips,
                      params.clip_length),
          clips > 1 ? fmt::format("use at most {}, or a smaller clip_length", clips - 1) : "use a smaller clip_length");
    }
    return NumpyRandom(static_cast<uint32_t>(params.seed)).choice(clips, params.num_val_clips);
  }
  const auto& chosen = *params.val_clip_indices;
  if (chosen.empty()) {
    refuse_knob("val_clip_indices", "is empty", "list at least one clip, or use null");
  }
  std::vector<bool> taken(clips);
  for (const int64_t index : chosen) {
    if (index >= clips) {
      refuse_knob("val_clip_indices",
                  fmt::format("holds {}, but session '{}' has {} clips of {} frames", index, session.name, clips,
                              params.clip_length),
                  fmt::format("use 0 to {}", clips - 1));
    }
    if (taken[index]) {
      refuse_knob("val_clip_indices", fmt::format("holds {} twice", index), "list it once");
    }
    taken[index] = true;
  }
  if (static_cast<int64_t>(chosen.size()) == clips) {
    refuse_knob("val_clip_indices", fmt::format("holds all {} clips of session '{}'", clips, session.name),
                "leave some to train on");
  }
  return chosen;
}

}  // namespace

std::vector<int64_t> choose_validation(const Session& session, int64_t clips, const LoaderParams& params) {
  return shown_at(session, choose(session, clips, params), params);
}

void refuse_knob(const std::string& knob, const std::string& problem, const std::string& fix) {
  throw Error("dataloader." + knob, problem, fix);
}

}  // namespace plexiform::data

#include <ATen/ops/cat.h>
#include <data/faults.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace plexiform::data {
namespace {

constexpr int64_t block = 256;  // frames that are looked at together

size_t hash(const void* data, size_t bytes) {
  return std::hash<std::string_view>()({static_cast<const char*>(data), bytes});
}

// A number for each frame of a stimulus; 0: the same all over. Of cut frames the place counts, not the pixels.
std::vector<size_t> fingerprints(const Stimulus& stimulus) {
  std::vector<size_t> all;
  if (stimulus.cuts) {
    for (const auto& [image, row, column, upside_down] : stimulus.cuts->frames) {
      const int64_t place[] = {image, row, column, upside_down,
                               reinterpret_cast<int64_t>(stimulus.movie.const_data_ptr())};
      all.push_back(hash(place, sizeof place));
    }
    return all;
  }
  for (int64_t from = 0; from < stimulus.frames(); from += block) {
    const auto part = stimulus.movie.slice(1, from, std::min(from + block, stimulus.frames()))
                          .to(at::kFloat)
                          .transpose(0, 1)
                          .contiguous();
    const int64_t pixels = part[0].numel();
    const auto* frame = part.const_data_ptr<float>();
    for (int64_t t = 0; t < part.size(0); ++t, frame += pixels) {
      const bool blank = std::all_of(frame, frame + pixels, [&](float value) { return value == *frame; });
      all.push_back(blank ? 0 : hash(frame, pixels * sizeof(float)));
    }
  }
  return all;
}

// "3, 5, 8 and 4 more"
std::string some(const std::vector<int64_t>& numbers) {
  const auto shown = std::min<int64_t>(static_cast<int64_t>(numbers.size()), 8);
  const auto text = fmt::format("{}", fmt::join(numbers.begin(), numbers.begin() + shown, ", "));
  const auto more = static_cast<int64_t>(numbers.size()) - shown;
  return more > 0 ? fmt::format("{} and {} more", text, more) : text;
}

class Search {
 public:
  std::vector<Fault> in(const Recordings& recordings) {
    for (const auto& session : recordings.sessions) {
      session_ = session.name;
      neurons(session);
      frames(session);
      tests(session);
    }
    session_.clear();
    rates(recordings);
    std::stable_sort(faults_.begin(), faults_.end(), [](const auto& a, const auto& b) { return a.spoils > b.spoils; });
    return faults_;
  }

 private:
  void add(bool spoils, const std::string& kind, const std::string& what, const std::string& fix) {
    faults_.push_back({spoils, kind, session_, what, fix});
  }

  void neurons(const Session& session) {
    std::vector<at::Tensor> parts;
    for (const auto& trial : session.train) {
      const int64_t first = std::min(session.discard_frames, trial.responses.size(1));
      parts.push_back(trial.responses.slice(1, first));
    }
    const at::Tensor all = at::cat(parts, 1).contiguous();
    const int64_t frames = all.size(1);
    if (frames == 0) return add(true, "too_short", "has no training frame but discarded ones", "discard fewer frames");
    std::vector<int64_t> dead;
    std::unordered_map<size_t, int64_t> seen;
    std::vector<std::string> twins;
    for (int64_t n = 0; n < session.neurons; ++n) {
      const float* values = all.const_data_ptr<float>() + n * frames;
      if (std::all_of(values, values + frames, [&](float value) { return value == *values; })) {
        dead.push_back(n);
        continue;
      }
      const auto [other, first] = seen.emplace(hash(values, frames * sizeof(float)), n);
      if (!first) twins.push_back(fmt::format("{} and {}", other->second, n));
    }
    if (!dead.empty()) {
      add(true, "dead_neurons",
          fmt::format("{} of {} neurons never change in training: {}", dead.size(), session.neurons, some(dead)),
          "leave them out");
    }
    if (!twins.empty()) {
      twins.resize(std::min<size_t>(twins.size(), 5));
      add(false, "twins", fmt::format("neurons with the same responses: {}", fmt::join(twins, ", ")),
          "leave one of each out, if a cell was sorted twice");
    }
    if (const float largest = all.abs().max().item<float>(); largest > 1e6f)
      add(false, "large_responses", fmt::format("responses reach {}", largest), "give counts, or rates in Hz");
  }

  const std::vector<size_t>& of(const Trial& trial) {
    const Stimulus* stimulus = trial.stimulus.get();
    auto& known = prints_[{stimulus->movie.const_data_ptr(), stimulus->frames(), stimulus->cuts.get()}];
    if (known.empty()) known = fingerprints(*stimulus);
    return known;
  }

  void frames(const Session& session) {
    std::unordered_set<size_t> trained;
    for (const auto& trial : session.train) {
      const auto& prints = of(trial);
      trained.insert(prints.begin(), prints.end());
    }
    for (const auto& trial : session.tests) {
      const auto& prints = of(trial);
      int64_t count = 0, first = -1;
      for (size_t t = 0; t < prints.size(); ++t) {
        if (prints[t] == 0 || !trained.contains(prints[t])) continue;
        if (count++ == 0) first = static_cast<int64_t>(t);
      }
      if (count == 0) continue;
      const double share = static_cast<double>(count) / static_cast<double>(prints.size());
      add(share >= spoiling_share, "duplicated_frames",
          fmt::format("{} of {} frames of test '{}' are in the training too, the first is frame {}", count,
                      prints.size(), trial.stimulus->name, first),
          "take them out of the training, or test on another stimulus");
    }
  }

  void tests(const Session& session) {
    if (session.tests.empty())
      return add(false, "no_test", "has no test: it will not be scored", "name a test stimulus");
    for (const auto& trial : session.tests) {
      const std::string& name = trial.stimulus->name;
      if (!trial.repeats.defined())
        add(false, "no_repeats", fmt::format("test '{}' has no repeats: its noise ceiling is unknown", name),
            "store them, if there are any");
      const int64_t silent = trial.responses.amax(1).eq(trial.responses.amin(1)).sum().item<int64_t>();
      if (silent > 0)
        add(false, "silent_in_test",
            fmt::format("{} of {} neurons never change in test '{}': their correlation is 0", silent, session.neurons,
                        name),
            "leave them out of a mean score");
    }
  }

  void rates(const Recordings& recordings) {
    std::map<double, std::vector<std::string>> by_rate;
    for (const auto& session : recordings.sessions) by_rate[session.frame_rate_hz].push_back(session.name);
    if (const auto unknown = by_rate.extract(0.0); !unknown.empty())
      add(false, "no_rate", fmt::format("the frame rate of {} is unknown", fmt::join(unknown.mapped(), ", ")),
          "store session_info/frame_rate_hz");
    if (by_rate.size() < 2) return;
    std::vector<std::string> all;
    for (const auto& [rate, sessions] : by_rate)
      all.push_back(fmt::format("{} Hz ({})", rate, fmt::join(sessions, ", ")));
    add(true, "rates", fmt::format("sessions of one core differ in their frame rate: {}", fmt::join(all, ", ")),
        "resample them to one rate, or train them apart");
  }

  std::string session_;
  std::vector<Fault> faults_;
  std::map<std::tuple<const void*, int64_t, const Cuts*>, std::vector<size_t>> prints_;
};

}  // namespace

std::vector<Fault> find_faults(const Recordings& recordings) { return Search().in(recordings); }

}  // namespace plexiform::data

#include <ATen/ops/empty.h>
#include <data/numpy_random.h>
#include <data/shared_stream.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace plexiform::data {
namespace {

// The stretch of a trial in the stimulus' own frames: one piece for each clip that it meets, first where it begins there.
std::vector<std::pair<int64_t, Stretch>> stored_pieces(const Trial& trial, const Stretch& stretch) {
  if (trial.view.clips.empty()) return {{stretch.begin, stretch}};
  const int64_t clip = trial.view.clip_length, end = stretch.begin + stretch.length;
  std::vector<std::pair<int64_t, Stretch>> pieces;
  for (int64_t at = stretch.begin; at < end;) {
    const int64_t inside = at % clip, length = std::min(clip - inside, end - at);
    pieces.push_back({trial.view.clips[at / clip] * clip + inside, {stretch.trial, at, length}});
    at += length;
  }
  return pieces;
}

}  // namespace

Shown shown(const Trial& trial, const Window& window, int64_t length) {
  Shown all = {trial.stimulus.get(), trial.view.mirrored, {}};
  for (const auto& [stored, piece] : stored_pieces(trial, {window.trial, window.begin, length}))
    all.pieces.push_back({stored, piece.length});
  return all;
}

SharedStream::SharedStream(const Recordings& recordings, const Split& split, const LoaderParams& params, uint64_t seed)
    : recordings_(recordings), split_(split), seed_(seed), length_(params.train_chunk_size) {
  using Key = std::tuple<const Stimulus*, bool, int64_t, int64_t>;
  std::map<Key, size_t> known;  // runs are numbered as they appear: addresses have another order in another process
  for (const auto& part : split.train) {
    if (part.across) {
      throw Error("dataloader.allow_over_boundaries", "is true, but windows that sessions share lie inside clips",
                  "use false, or trainer.shared_core_pass: false");
    }
    if (part.fixed) {
      throw Error("dataloader", "cuts each trial at places of its own, but windows that sessions share are drawn anew",
                  "use trainer.shared_core_pass: false");
    }
    for (const auto& stretch : part.stretches) {
      const Trial& trial = recordings.sessions[part.session].train[stretch.trial];
      for (const auto& [stored, piece] : stored_pieces(trial, stretch)) {
        if (piece.length < length_) continue;
        const Key key = {trial.stimulus.get(), trial.view.mirrored, stored, piece.length};
        const auto [found, fresh] = known.try_emplace(key, runs_.size());
        if (fresh) {
          runs_.push_back({.length = piece.length, .shown = {}});
          windows_ += piece.length / length_;
        }
        runs_[found->second].shown.push_back({part.session, {piece.trial, piece.begin}});
      }
    }
  }
  if (windows_ == 0) {
    throw Error("dataloader.train_chunk_size",
                fmt::format("is {}, but no clip or movie is shown for as long without a break", length_),
                "use less, or trainer.shared_core_pass: false");
  }
  batch_size_ = std::min(params.batch_size, windows_);
  find_audiences();
}

void SharedStream::find_audiences() {
  std::vector<size_t> of_session(split_.train.size());
  std::iota(of_session.begin(), of_session.end(), 0);
  for (const auto& run : runs_) {
    const size_t one = of_session[run.shown.front().first];
    for (const auto& [session, window] : run.shown) {
      const size_t other = of_session[session];
      std::replace(of_session.begin(), of_session.end(), other, one);
    }
  }
  for (auto& run : runs_) run.audience = of_session[run.shown.front().first];
}

double SharedStream::sessions_per_window() const {
  double shown = 0;
  for (const auto& run : runs_)
    shown += static_cast<double>(run.length / length_) * static_cast<double>(run.shown.size());
  return shown / static_cast<double>(windows_);
}

void SharedStream::start_epoch() {
  ++epoch_;
  step_ = 0;
  draw();
}

// One shift per run, up to half a window to either side of where its windows fit, the outer ones held inside, as in
// TrainStream.
void SharedStream::draw() {
  std::seed_seq words{seed_, seed_ >> 32, static_cast<uint64_t>(epoch_)};
  NumpyRandom random(words);
  std::vector<Window> all;
  for (size_t r = 0; r < runs_.size(); ++r) {
    const int64_t count = runs_[r].length / length_, last = runs_[r].length - length_;
    const int64_t slack = runs_[r].length - count * length_, half = length_ / 2;
    const int64_t shift = random.below(slack + 2 * half + 1) - half;
    for (int64_t i = 0; i < count; ++i) all.push_back({r, std::clamp<int64_t>(shift + i * length_, 0, last)});
  }
  std::vector<Window> shuffled;
  for (const int64_t i : random.permutation(windows_)) shuffled.push_back(all[static_cast<size_t>(i)]);
  // Audiences one after the other, and whole batches, each in an order drawn anew.
  const auto places = random.permutation(std::ssize(split_.train));
  const auto place = [&](const Window& window) { return places[runs_[window.trial].audience]; };
  std::stable_sort(shuffled.begin(), shuffled.end(),
                   [&](const Window& one, const Window& other) { return place(one) < place(other); });
  order_.clear();
  for (const int64_t batch : random.permutation(steps_per_epoch())) {
    const auto* const begin = shuffled.data() + batch * batch_size_;
    order_.insert(order_.end(), begin, begin + batch_size_);
  }
}

SharedBatch SharedStream::next() {
  if (epoch_ < 0 || step_ == steps_per_epoch()) start_epoch();
  const auto* const windows = order_.data() + step_ * batch_size_;
  ++step_;
  std::map<size_t, std::pair<std::vector<int64_t>, std::vector<Window>>> of_sessions;
  std::map<size_t, std::pair<std::vector<int64_t>, std::vector<Window>>> seen_by;  // one session for each sample
  for (int64_t row = 0; row < batch_size_; ++row) {
    const Run& run = runs_[windows[row].trial];
    for (const auto& [session, first] : run.shown) {
      const Window window = {first.trial, first.begin + windows[row].begin};
      auto add = [&, session = session](auto& to) {
        to[session].first.push_back(row);
        to[session].second.push_back(window);
      };
      add(of_sessions);
      if (&first == &run.shown.front().second) add(seen_by);
    }
  }
  SharedBatch shared;
  for (auto& [session, part] : of_sessions) {
    auto& [rows, shown] = part;
    shared.turns.push_back({gather(recordings_, split_.train[session], shown, no_rows), rows});
  }
  for (const auto& [session, part] : seen_by) {
    const auto& [rows, shown] = part;
    const auto stimulus = gather(recordings_, split_.train[session], shown).stimulus;
    if (seen_by.size() == 1) {
      shared.stimulus = stimulus;
      break;
    }
    if (!shared.stimulus.defined()) {
      auto sizes = stimulus.sizes().vec();
      sizes[0] = batch_size_;
      shared.stimulus = at::empty(sizes, stimulus.options());
    }
    for (size_t k = 0; k < rows.size(); ++k) shared.stimulus[rows[k]].copy_(stimulus[static_cast<int64_t>(k)]);
  }
  return shared;
}

Json SharedStream::state() const {
  return {
      {"seed", seed_}, {"shared_windows", windows_}, {"batch_size", batch_size_}, {"epoch", epoch_}, {"step", step_}};
}

void SharedStream::restore(const Json& state) {
  const Json own = this->state();
  for (const auto& [key, value] : own.items()) {
    const bool moves = key == "epoch" || key == "step";
    const Json saved = state.is_object() ? state.value(key, Json()) : Json();
    if (moves ? !saved.is_number_integer() : saved != value) {
      throw Error("training stream: " + key, "is " + value.dump() + ", but " + saved.dump() + " in the checkpoint",
                  "resume with the data, dataloader, seed and trainer.shared_core_pass of the first start");
    }
  }
  epoch_ = state["epoch"].get<int64_t>();
  step_ = state["step"].get<int64_t>();
  if (epoch_ >= 0) draw();
}

}  // namespace plexiform::data

#include <data/batches.h>
#include <data/numpy_random.h>

#include <algorithm>

namespace plexiform::data {
namespace {

// One shift per stretch, up to half a window to either side of where its windows fit, the outer
// ones held inside: windows leave no gap between them, and the frames at both ends of a stretch
// have their turn.
std::vector<Window> shift_inside(const Part& part, NumpyRandom& random) {
  std::vector<Window> windows;
  for (const auto& stretch : part.stretches) {
    const int64_t count = stretch.length / part.length, last = stretch.length - part.length;
    if (count == 0) continue;
    const int64_t slack = stretch.length - count * part.length, half = part.length / 2;
    const int64_t shift = random.below(slack + 2 * half + 1) - half;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = std::clamp<int64_t>(shift + i * part.length, 0, last);
      windows.push_back({stretch.trial, stretch.begin + at});
    }
  }
  return windows;
}

// openretina's: one shift per window along the spliced stretches, the end of which holds the last
// ones back.
std::vector<Window> shift_across(const Part& part, NumpyRandom& random) {
  int64_t frames = 0;
  for (const auto& stretch : part.stretches) frames += stretch.length;
  std::vector<Window> windows;
  for (size_t i = 0; i < part.windows.size(); ++i) {
    int64_t at = static_cast<int64_t>(i) * part.length + random.below(part.length);
    at = std::min(at, frames - part.length);
    auto stretch = part.stretches.begin();
    for (; at >= stretch->length; ++stretch) at -= stretch->length;
    windows.push_back({stretch->trial, stretch->begin + at});
  }
  return windows;
}

NumpyRandom generator(uint64_t seed, int64_t epoch, int64_t session, int64_t pass) {
  std::seed_seq words{seed, seed >> 32, static_cast<uint64_t>(epoch), static_cast<uint64_t>(session),
                      static_cast<uint64_t>(pass)};
  return NumpyRandom(words);
}

}  // namespace

TrainStream::TrainStream(const Recordings& recordings, const Split& split, const LoaderParams& params, uint64_t seed)
    : recordings_(recordings), split_(split), seed_(seed), passes_(split.train.size()) {
  for (const auto& part : split.train) {
    const auto windows = static_cast<int64_t>(part.windows.size());
    batch_sizes_.push_back(std::min(params.batch_size, windows));
    batches_.push_back(windows / batch_sizes_.back());
  }
}

int64_t TrainStream::steps_per_epoch() const {
  return static_cast<int64_t>(batches_.size()) * *std::max_element(batches_.begin(), batches_.end());
}

void TrainStream::start_epoch() {
  ++epoch_;
  step_ = 0;
  draw_turns();
}

void TrainStream::draw_turns() {
  const auto sessions = static_cast<int64_t>(batches_.size());
  turns_ = generator(seed_, epoch_, sessions, 0).permutation(sessions);
  passes_.assign(batches_.size(), {});
}

const std::vector<Window>& TrainStream::windows_of_pass(size_t session, int64_t number) {
  Pass& pass = passes_[session];
  if (pass.number != number) {
    const Part& part = split_.train[session];
    auto random = generator(seed_, epoch_, static_cast<int64_t>(session), number);
    const auto shifted = part.fixed    ? part.windows
                         : part.across ? shift_across(part, random)
                                       : shift_inside(part, random);
    pass = {number, {}};
    for (const int64_t i : random.permutation(static_cast<int64_t>(shifted.size()))) {
      pass.windows.push_back(shifted[i]);
    }
  }
  return pass.windows;
}

Batch TrainStream::next() {
  if (epoch_ < 0 || step_ == steps_per_epoch()) start_epoch();
  const auto sessions = static_cast<int64_t>(turns_.size());
  const size_t session = turns_[step_ % sessions];
  const int64_t turn = step_ / sessions;
  const auto& windows = windows_of_pass(session, turn / batches_[session]);
  const auto first = windows.begin() + turn % batches_[session] * batch_sizes_[session];
  ++step_;
  const int64_t rows = batch_sizes_[session];
  return gather(recordings_, split_.train[session], {first, first + rows}, share_ ? Rows::of(*share_, rows) : no_rows);
}

Json TrainStream::state() const {
  return {{"seed", seed_}, {"batch_sizes", batch_sizes_}, {"batches", batches_}, {"epoch", epoch_}, {"step", step_}};
}

void TrainStream::restore(const Json& state) {
  auto refuse = [](const std::string& where, const std::string& problem) {
    throw Error("training stream" + where, problem + " in the checkpoint",
                "resume with the data, dataloader and seed of the first start");
  };
  if (!state.is_object()) refuse("", "is " + state.dump());
  const Json own = this->state();
  for (const auto& [key, value] : own.items()) {
    const Json saved = state.value(key, Json());
    const bool moves = key == "epoch" || key == "step";
    if (moves ? !saved.is_number_integer() : saved != value) {
      refuse(": " + key, "is " + value.dump() + ", but " + saved.dump());
    }
  }
  epoch_ = state["epoch"].get<int64_t>();
  step_ = state["step"].get<int64_t>();
  if (epoch_ >= 0) draw_turns();
}

}  // namespace plexiform::data

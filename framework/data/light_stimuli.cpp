#include <data/array_files.h>
#include <data/checks.h>
#include <data/light_stimuli.h>
#include <data/pickled_arrays.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

namespace plexiform::data {
namespace {

constexpr int64_t frame_rate_hz = 30;
constexpr std::array bars = {"bar_0", "bar_180", "bar_45", "bar_225", "bar_90", "bar_270", "bar_135", "bar_315"};

// (2, T, H, W) uint8 at 30 Hz, a view of the array.
at::Tensor read_frames(const std::string& file, int64_t rate_hz) {
  const at::Tensor all = file.ends_with(".npy") ? read_npy(file) : PickledArrays(file).array("");
  const Sizes shape = all.sizes().vec();
  if (shape.size() != 4 || shape[3] < 2 || all.numel() == 0 || all.scalar_type() != at::kByte) {
    throw Error(file,
                fmt::format("has shape {} and dtype {}, not (T, rows, columns, 2) and uint8", text(shape),
                            c10::toString(all.scalar_type())),
                "store grey values of frames, rows, columns, colours");
  }
  return all.slice(0, 0, shape[0], rate_hz / frame_rate_hz).slice(3, 0, 2).permute({3, 0, 1, 2});
}

// A part's frames are sampled over its duration, which a file of another rate or stimulus misses by far.
void check_length(const std::string& file, const std::string& what, int64_t frames, double seconds) {
  if (std::abs(static_cast<double>(frames) / frame_rate_hz - seconds) < 0.05 * seconds) return;
  throw Error(file, fmt::format("has {} frames of {}, which takes {} s at {} Hz", frames, what, seconds, frame_rate_hz),
              "give the whole stimulus, and its rate as light_rate_hz: 30 or 60");
}

std::shared_ptr<const Stimulus> part(const std::string& name, const at::Tensor& frames) {
  auto stimulus = std::make_shared<Stimulus>(Stimulus{name, frames});
  stimulus->mean = 128;
  stimulus->std = 128;
  return stimulus;
}

}  // namespace

LightStimulus read_chirp(const std::string& file, int64_t rate_hz) {
  const at::Tensor frames = read_frames(file, rate_hz);
  check_length(file, "a chirp", frames.size(1), 33);
  return {.parts = {part("chirp", frames)}, .duration = 32.98999999, .triggers = 2};
}

LightStimulus read_moving_bars(const std::string& file, int64_t rate_hz) {
  at::Tensor frames = read_frames(file, rate_hz);
  const int64_t before = 3 * frame_rate_hz, after = frame_rate_hz, count = static_cast<int64_t>(bars.size());
  const int64_t moving = frames.size(1) - before - after, length = moving / count;
  if (moving <= 0 || moving % count != 0) {
    throw Error(file,
                fmt::format("has {} frames at {} Hz, not 3 s, eight bars of equal length and 1 s", frames.size(1),
                            frame_rate_hz),
                "give the whole stimulus, and its rate as light_rate_hz: 30 or 60");
  }
  check_length(file, "a bar", length, 4.1);
  LightStimulus light{.parts = {}, .duration = 4.054001, .triggers = 1};
  for (int64_t i = 0; i < count; ++i) {
    light.parts.push_back(part(bars[i], frames.slice(1, before + i * length, before + (i + 1) * length)));
  }
  return light;
}

}  // namespace plexiform::data

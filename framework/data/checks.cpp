#include <data/checks.h>
#include <data/movie.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace plexiform::data {
namespace {

// The value of a float32 or float16 array at a flat index, and the index along each axis.
struct Found {
  float value;
  Sizes at;
};

Found find(const at::Tensor& array, int64_t flat) {
  Found found{array.reshape({-1}).select(0, flat).to(at::kFloat).item<float>(), Sizes(array.dim())};
  for (int64_t d = array.dim() - 1; d >= 0; --d) {
    found.at[d] = flat % array.size(d);
    flat /= array.size(d);
  }
  return found;
}

bool empty(const Sizes& shape) { return std::count(shape.begin(), shape.end(), 0) > 0; }

}  // namespace

std::string text(const Sizes& sizes) { return fmt::format("({})", fmt::join(sizes, ", ")); }

void check_movie_shape(const std::string& place, const Sizes& shape) {
  if (shape.size() != 4) {
    throw Error(place, fmt::format("has shape {}, not (C, T, H, W)", text(shape)),
                "store channels, frames, rows, columns; one channel is an axis of length 1");
  }
  if (empty(shape)) {
    throw Error(place, fmt::format("is empty: shape {}", text(shape)), "store at least one frame");
  }
}

void check_response_shape(const std::string& place, const Sizes& shape, bool repeats, int64_t frames,
                          const std::string& stimulus_place) {
  const char* axes = repeats ? "(R, N, T)" : "(N, T)";
  if (shape.size() != (repeats ? 3 : 2)) {
    throw Error(place, fmt::format("has shape {}, not {}", text(shape), axes),
                repeats ? "store repeats, neurons, frames" : "store neurons, frames");
  }
  if (empty(shape)) {
    throw Error(place, fmt::format("is empty: shape {} as {}", text(shape), axes),
                "store at least one neuron, or move the file away");
  }
  if (shape.back() != frames) {
    const bool turned = std::find(shape.begin(), shape.end(), frames) != shape.end();
    throw Error(place,
                fmt::format("has {} frames (shape {} as {}), but {} has {}", shape.back(), text(shape), axes,
                            stimulus_place, frames),
                turned ? fmt::format("reorder its axes to {}", axes) : "store one response per frame of the stimulus");
  }
}

void check_movie(const std::string& place, const at::Tensor& movie) {
  if (!movie.is_floating_point() || std::isfinite(moments(movie).mean)) return;
  const Found bad = find(movie, *first_bad(movie, false));
  throw Error(place,
              fmt::format("holds {} at channel {}, frame {}, row {}, column {}", bad.value, bad.at[0], bad.at[1],
                          bad.at[2], bad.at[3]),
              "store finite values");
}

void check_responses(const std::string& place, const at::Tensor& responses, bool allow_negative) {
  const auto flat = first_bad(responses, !allow_negative);
  if (!flat) return;
  const Found bad = find(responses, *flat);
  const size_t frame = bad.at.size() - 1;
  throw Error(place,
              fmt::format("holds {} at {}neuron {}, frame {}", bad.value,
                          frame == 2 ? fmt::format("repeat {}, ", bad.at[0]) : "", bad.at[frame - 1], bad.at[frame]),
              std::isfinite(bad.value) ? "store counts or rates, or set data_io.allow_negative=true "
                                         "for a loss that takes such responses"
                                       : "leave out the neuron or the trial");
}

void check_mean(const std::string& place, const at::Tensor& repeats, const at::Tensor& responses) {
  const at::Tensor mean = repeats.mean(0), difference = mean.sub(responses).abs();
  if (difference.max().item<float>() <= 1e-3 * responses.abs().max().item<float>()) return;
  const int64_t flat = difference.argmax().item<int64_t>();
  const Found own = find(mean, flat);
  throw Error(place,
              fmt::format("has the mean {} over repeats at neuron {}, frame {}, where the responses have {}", own.value,
                          own.at[0], own.at[1], find(responses, flat).value),
              "store both in one unit, repeats as (R, N, T), or leave out the responses");
}

std::vector<std::string> doubts(const Recordings& recordings) {
  std::vector<std::string> all;
  for (const auto& session : recordings.sessions) {
    if (session.tests.empty())
      all.push_back(fmt::format("session {} has no test: it will not be scored", session.name));
    const int64_t silent = session.mean_activity().eq(0).sum().item<int64_t>();
    if (silent > 0) {
      all.push_back(
          fmt::format("session {}: {} of {} neurons never respond in training", session.name, silent, session.neurons));
    }
    float largest = 0;
    for (const auto& trial : session.train) {
      const auto [least, most] = trial.responses.aminmax();
      largest = std::max({largest, -least.item<float>(), most.item<float>()});
    }
    if (largest > 1e6f) {
      all.push_back(
          fmt::format("session {}: responses reach {}; counts or rates in Hz are meant", session.name, largest));
    }
  }
  return all;
}

void normalise(const std::vector<std::shared_ptr<Stimulus>>& stimuli,
               const std::vector<std::shared_ptr<Stimulus>>& training, std::optional<double> mean,
               std::optional<double> std) {
  if (!mean || !std) {
    Moments all;
    for (const auto& stimulus : training) all += moments(stimulus->movie);
    if (!std && all.std() == 0) {
      throw Error("norm_std", fmt::format("is null, but all training stimuli are {} everywhere", all.mean),
                  "use stimuli that vary, or give norm_std");
    }
    mean = mean.value_or(all.mean);
    std = std.value_or(all.std());
  }
  for (const auto& stimulus : stimuli) {
    stimulus->mean = *mean;
    stimulus->std = *std;
  }
}

}  // namespace plexiform::data

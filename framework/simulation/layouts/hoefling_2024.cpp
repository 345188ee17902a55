#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/pickle_file.h>
#include <simulation/layouts/watchers.h>
#include <simulation/movies.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plexiform::simulation {
namespace {

constexpr double frame_rate_hz = 30, sample_time = 0.128, first_trigger = 1.0;  // s
constexpr int64_t sequences = 20, chirp_frames = 990, bar_frames = 123, repeats = 3;

// (2, T, H, W) float32: two colours that are alike, not the same.
at::Tensor coloured(int64_t frames, int64_t height, int64_t width, int64_t seed, int64_t number) {
  const auto grey = moving_texture(frames, height, width, layout_stream(seed, number)).to(at::kFloat);
  const auto other = moving_texture(frames, height, width, layout_stream(seed, number + 50)).to(at::kFloat);
  return at::cat({grey, grey * 0.8 + other * 0.2}) / 64 - 2;
}

// (T) uint8: a flash, then waves of rising frequency, then of rising contrast.
at::Tensor chirp_greys() {
  const auto t = at::arange(chirp_frames, at::kDouble) / frame_rate_hz;
  const auto wave = (2 * std::numbers::pi * 0.35 * (t - 10).square()).sin() * t.ge(10).logical_and(t.lt(18)) +
                    (2 * std::numbers::pi * 2 * t).sin() * (t - 20).clamp(0, 8) / 8 * t.lt(28);
  const auto flash =
      t.ge(2).logical_and(t.lt(5)).to(at::kDouble) - t.lt(2).logical_or(t.ge(5).logical_and(t.lt(8))).to(at::kDouble);
  return ((wave + flash).clamp(-1, 1) * 127 + 128).round().to(at::kByte);
}

// (T, H, W) uint8: background, eight bars, background.
at::Tensor moving_bars(int64_t height, int64_t width) {
  const auto y = at::arange(height, at::kDouble).view({1, -1, 1}) - height / 2.0,
             x = at::arange(width, at::kDouble).view({1, 1, -1}) - width / 2.0,
             t = at::arange(bar_frames, at::kDouble).view({-1, 1, 1}) / bar_frames * 2 - 1;
  const double reach = static_cast<double>(std::max(height, width));
  std::vector<at::Tensor> all = {at::zeros({90, height, width}, at::kByte)};
  for (const double degrees : {0, 180, 45, 225, 90, 270, 135, 315}) {
    const double angle = degrees * std::numbers::pi / 180;
    const auto distance = (x * std::cos(angle) + y * std::sin(angle) - t * reach).abs();
    all.push_back(distance.lt(reach / 8).to(at::kByte) * 255);
  }
  all.push_back(at::zeros({30, height, width}, at::kByte));
  return at::cat(all);
}

// Traces of a recording in which frame i of `rates` (N, T) is on at first_trigger + i / 30.
void write_traces(data::Hdf5File& file, const std::string& field, const std::string& stimulus, const at::Tensor& rates,
                  const std::vector<double>& triggers, at::Generator& random) {
  const int64_t cells = rates.size(0), frames = rates.size(1);
  const auto samples = static_cast<int64_t>((frames / frame_rate_hz + 2 * first_trigger) / sample_time);
  const auto shift = at::arange(cells, at::kDouble).view({-1, 1}) * 0.0001;  // each cell is scanned at its own time
  const auto times = at::arange(samples, at::kDouble) * sample_time + shift;
  const auto frame = ((times[0] - first_trigger) * frame_rate_hz).to(at::kLong).clamp(0, frames - 1);
  const auto noise = at::randn(std::vector<int64_t>{cells, samples}, random).abs() * 0.05;
  file.write(field + "/" + stimulus + "_inferred_spikes", (rates.index_select(1, frame) + noise).to(at::kDouble));
  file.write(field + "/" + stimulus + "_traces_times", times);
  at::Tensor when = at::empty({1, static_cast<int64_t>(triggers.size())}, at::kDouble);
  for (size_t i = 0; i < triggers.size(); ++i) when[0][static_cast<int64_t>(i)] = triggers[i];
  file.write(field + "/" + stimulus + "_trigger_times", when);
}

std::vector<double> every(double seconds, int64_t count) {
  std::vector<double> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(first_trigger + seconds * static_cast<double>(i));
  return all;
}

// What the filters and positions need; every seventh cell is a bad one.
void write_cells(data::Hdf5File& file, const std::string& field, int64_t cells) {
  const auto number = at::arange(cells, at::kLong);
  const auto good = number.remainder(7).ne(6).to(at::kDouble);
  file.write(field + "/group_assignment", number.remainder(32) + 1);
  file.write(field + "/group_confidences", at::stack({good * 0.7 + 0.1, (1 - good) * 0.2}, 1));
  file.write(field + "/d_qi", good * 0.8);
  file.write(field + "/chirp_qi", good * 0.6);
  file.write(field + "/roi_ids", number + 1);
  at::Tensor mask = at::ones({64, 64}, at::kShort);
  for (int64_t n = 0; n < std::min<int64_t>(cells, 15 * 21); ++n) {
    mask.slice(0, n / 21 * 4 + 1, n / 21 * 4 + 3).slice(1, n % 21 * 3, n % 21 * 3 + 2).fill_(-(n + 1));
  }
  file.write(field + "/roi_mask", mask);
}

}  // namespace

// movies.pkl, chirp.pkl, moving_bars.pkl and responses.h5. Clips have 150 frames.
void write_hoefling_2024(const std::string& folder, const LayoutSize& size) {
  constexpr int64_t clip = 150;
  const int64_t clips = size.trials, test_clips = std::max<int64_t>(1, size.test_frames / clip);
  const auto train = coloured(clips * clip, size.height, size.width, size.seed, 0),
             test = coloured(test_clips * clip, size.height, size.width, size.seed, 1);
  auto random = layout_stream(size.seed, 2);
  std::vector<at::Tensor> orders;
  for (int64_t s = 0; s < sequences; ++s) orders.push_back(at::randperm(clips, random, at::kLong));
  PickleFile movies(folder + "/movies.pkl");
  movies.array("train", train);
  movies.array("test", test);
  movies.array("random_sequences", at::stack(orders, 1).to(clips > 256 ? at::kLong : at::kByte));
  movies.begin("movie_stats");
  movies.begin("dichromatic");
  movies.number("mean", 37.2);
  movies.number("sd", 28.9);
  movies.end();
  movies.end();
  movies.close();
  const auto chirp = chirp_greys().view({-1, 1, 1}).expand({-1, size.height, size.width}).contiguous();
  const auto bars = moving_bars(size.height, size.width);
  const auto two_colours = [](const at::Tensor& grey) { return at::stack({grey, grey}, 3); };
  write_pickled_array(folder + "/chirp.pkl", two_colours(chirp));
  write_pickled_array(folder + "/moving_bars.pkl", two_colours(bars));

  data::Hdf5File file(folder + "/responses.h5", data::Hdf5File::Mode::create);
  for (int64_t session = 0; session < size.sessions; ++session) {
    auto own = layout_stream(size.seed, 100 + session);
    const int64_t cells = size.neurons + session, sequence = session % sequences;
    const Watchers watchers(cells, size.height, size.width, own);
    const bool left = session % 2 == 1;
    const auto seen = [&](const at::Tensor& movie) { return watchers.rates(left ? movie.flip(2) : movie); };
    const int64_t* order = orders[sequence].const_data_ptr<int64_t>();
    std::vector<at::Tensor> shown = {test[0]};  // before, between and after the clips
    for (int64_t k = 0; k < clips; ++k) {
      if (k == clips / 2) shown.push_back(test[0]);
      shown.push_back(train[0].slice(0, order[k] * clip, (order[k] + 1) * clip));
    }
    shown.push_back(test[0]);
    const auto all = at::cat(shown);
    const std::string field = fmt::format("session_{}_field_{}", session / 4 + 1, session % 4 + 1);
    write_traces(file, field, "natural", seen(all), every(5, clips + 3 * test_clips), own);
    std::vector<at::Tensor> chirps(repeats, chirp), passes(repeats, bars.slice(0, 90, 90 + 8 * bar_frames));
    auto chirp_triggers = every(33, repeats);
    for (const double begin : every(33, repeats)) chirp_triggers.push_back(begin + 5);
    std::sort(chirp_triggers.begin(), chirp_triggers.end());
    write_traces(file, field, "chirp", seen(at::cat(chirps)), chirp_triggers, own);
    write_traces(file, field, "mb", seen(at::cat(passes)), every(4.1, 8 * repeats), own);
    write_cells(file, field, cells);
    file.write_attribute(field, "eye", left ? "left" : "right");
    file.write_attribute(field, "scan_sequence_idx", sequence);
  }
  file.close();
}

}  // namespace plexiform::simulation

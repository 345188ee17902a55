#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/pickle_file.h>
#include <simulation/layouts/watchers.h>
#include <simulation/movies.h>

#include <algorithm>
#include <filesystem>
#include <functional>

namespace plexiform::simulation {
namespace {

namespace fs = std::filesystem;

constexpr int64_t test_lines = 5100;                                    // of a fixation file
constexpr int64_t image_rows = 300, image_columns = 350, padding = 50;  // px
constexpr int64_t screen_rows = 150, screen_columns = 200;
constexpr int64_t top = 35, left = 55;  // px that the experiments cut off at each side

// The part of a screen (T, rows, columns) that the experiments use.
at::Tensor cropped(const at::Tensor& screen) {
  return screen.slice(1, top, screen_rows - top).slice(2, left, screen_columns - left);
}

// The first pickle of a retina, and a spike-triggered average for each cell: its receptive field at a few lags.
//   frames    the cropped frames of a training trial, or of the test (-1)
void write_retina(const std::string& folder, const std::string& retina, const std::string& kind, bool upside_down,
                  const LayoutSize& size, int64_t number, const std::function<at::Tensor(int64_t)>& frames) {
  auto random = layout_stream(size.seed, 100 + number);
  const int64_t cells = size.neurons + number;
  const Watchers watchers(cells, screen_rows - 2 * top, screen_columns - 2 * left, random);
  std::vector<at::Tensor> trials;
  for (int64_t k = 0; k < size.trials; ++k) {
    trials.push_back(draw_spikes(watchers.rates(frames(k)), 1, random).squeeze(0));
  }
  const auto test = draw_spikes(watchers.rates(frames(-1)), size.repeats, random).permute({1, 2, 0});
  PickleFile file(fmt::format("{}/responses/cell_responses_{}_{}.pkl", folder, retina, kind));
  file.array("train_responses", at::stack(trials, 2));
  file.array("test_responses", test);
  file.close();

  const int64_t lags = size.neurons < 100 ? 4 : 30;
  for (int64_t n = 0; n < cells; ++n) {
    at::Tensor average = at::zeros({lags, screen_rows, screen_columns}, at::kChar);
    auto field = watchers.field(n);
    field = (field / field.abs().max() * 100).round().to(at::kChar);
    cropped(average.slice(0, lags - 3, lags - 2)).copy_(field);
    if (upside_down) average = average.flip(1);
    data::write_npy(fmt::format("{}/stas/cell_data_{}_WN_stas_cell_{}.npy", folder, retina, n), average);
  }
}

void make_folders(const std::string& folder, const std::vector<std::string>& names) {
  for (const auto& name : names) fs::create_directories(folder + "/" + name);
}

struct Look {
  int64_t image, x, y;
  bool upright;
};

// A new image every two seconds, every other one upside down.
std::vector<Look> looks(int64_t frames, int64_t images, at::Generator random) {
  const at::Tensor eye = gaze(frames, 60, random).contiguous();
  const int64_t* at = eye.const_data_ptr<int64_t>();
  std::vector<Look> all;
  for (int64_t t = 0; t < frames; ++t) {
    const int64_t image = t / 170 * 7;
    all.push_back({image % images, 125 + at[2 * t], 100 + at[2 * t + 1], image % 2 == 0});
  }
  return all;
}

at::Tensor screen(const at::Tensor& images, const Look& look) {
  const int64_t row = look.y + padding - screen_rows / 2, column = look.x + padding - screen_columns / 2;
  const auto seen = images[look.image].slice(0, row, row + screen_rows).slice(1, column, column + screen_columns);
  return look.upright ? seen : seen.flip(0);
}

}  // namespace

// All retinas see the same images under the same gaze.
void write_sridhar_2025_natural_movie(const std::string& folder, const LayoutSize& size) {
  make_folders(folder, {"responses", "fixations", "stimuli_padded_4", "stas"});
  const int64_t count = std::clamp<int64_t>(size.frames * size.trials / 400, 6, 1500);
  const auto images = still_images(count, image_rows, image_columns, layout_stream(size.seed, 0));
  for (int64_t k = 0; k < count; ++k) {
    data::write_npy(fmt::format("{}/stimuli_padded_4/{:05}_img_{}.npy", folder, k, k), images[k].t().contiguous());
  }
  const auto all = looks(test_lines + size.trials * size.frames, count, layout_stream(size.seed, 1));
  std::string lines;
  for (const auto& [image, x, y, upright] : all) {
    lines += fmt::format("{} {} {} {} {} {}\n", image, x + padding, y + padding, x, y, upright ? 1 : 0);
  }
  for (const char* name : {"complete_fixations_seed_2022and2023_s4_fixed.txt", "complete_fixations_seed2022_s4.txt"}) {
    files::write_atomically(folder + "/fixations/" + name, lines);
  }
  const auto frames = [&](int64_t trial) {
    const int64_t begin = trial < 0 ? 0 : test_lines + trial * size.frames,
                  length = trial < 0 ? size.test_frames : size.frames;
    at::Tensor movie = at::empty({length, screen_rows - 2 * top, screen_columns - 2 * left}, at::kByte);
    for (int64_t t = 0; t < length; ++t) movie[t].copy_(cropped(screen(images, all[begin + t]).unsqueeze(0))[0]);
    return movie;
  };
  int64_t number = 0;
  for (const char* retina : {"01", "02", "03", "04"}) {
    write_retina(folder, retina, "fixation_movie", /*upside_down=*/true, size, number++, frames);
  }
}

// Retinas 01 and 02 see one noise, 04 another.
void write_sridhar_2025_white_noise(const std::string& folder, const LayoutSize& size) {
  make_folders(folder, {"responses", "stas"});
  const auto noise = [&](int64_t stream, int64_t frames) {
    return white_noise(frames, screen_rows, screen_columns, layout_stream(size.seed, stream)).squeeze(0).bitwise_and(1);
  };
  for (int64_t set = 1; set <= 2; ++set) {
    const std::string repeating = fmt::format("{}/repeating_stimuli_{}", folder, set);
    fs::create_directories(repeating);
    data::write_npy(repeating + "/all_images.npy", noise(1000 * set, size.test_frames).permute({1, 2, 0}));
    for (int64_t k = 0; k < size.trials; ++k) {
      const std::string trial = fmt::format("{}/non_repeating_stimuli_{}/trial_{:03}", folder, set, k);
      fs::create_directories(trial);
      data::write_npy(trial + "/all_images.npy", noise(1000 * set + 1 + k, size.frames).permute({1, 2, 0}));
    }
  }
  int64_t number = 0;
  for (const char* retina : {"01", "02", "04"}) {
    const int64_t set = retina == std::string("04") ? 2 : 1;
    const auto frames = [&](int64_t k) {
      return cropped(noise(1000 * set + 1 + k, k < 0 ? size.test_frames : size.frames));
    };
    write_retina(folder, retina, "wn", /*upside_down=*/false, size, number++, frames);
  }
}

}  // namespace plexiform::simulation

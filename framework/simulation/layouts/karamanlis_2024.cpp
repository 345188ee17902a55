#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <data/gaze_movie.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/watchers.h>

#include <filesystem>

namespace plexiform::simulation {
namespace {

constexpr int64_t image_rows = 512, image_columns = 640, saccade = 20;  // frames between two images

// (T, 3) int64: image, x, y; a new image every 20 frames, the gaze anywhere near its middle.
at::Tensor look_around(int64_t frames, int64_t images, at::Generator& random) {
  std::vector<at::Tensor> parts;
  for (int64_t from = 0; from < frames; from += saccade) {
    const int64_t length = std::min(saccade, frames - from);
    const auto image = at::randint(1, images + 1, {1, 1}, random, at::kLong).expand({length, 1});
    const auto middle = at::randint(-120, 121, {1, 2}, random, at::kLong);
    const auto x = gaze(length, 30, random) + middle;
    parts.push_back(at::cat({image, x.slice(1, 0, 1) + image_columns / 2, x.slice(1, 1, 2) + image_rows / 2}, 1));
  }
  return at::cat(parts);
}

// (n, rows, columns) -> the order in which MATLAB leaves them: (n, columns, rows).
at::Tensor as_matlab(const at::Tensor& images) { return images.transpose(1, 2).contiguous(); }

}  // namespace

// Sessions see the same images under the same gaze.
void write_karamanlis_2024(const std::string& folder, const LayoutSize& size) {
  const int64_t count = std::max<int64_t>(4, size.trials), few = 3;
  const auto running_images = still_images(count, image_rows, image_columns, layout_stream(size.seed, 0)),
             frozen_images = still_images(few, image_rows, image_columns, layout_stream(size.seed, 1));
  auto eye = layout_stream(size.seed, 2);
  std::vector<at::Tensor> trials;
  for (int64_t k = 0; k < size.trials; ++k) trials.push_back(look_around(size.frames, count, eye));
  const auto running = at::stack(trials), frozen = look_around(size.test_frames, few, eye);
  const auto test = data::GazeMovie(frozen_images, size.height, size.width).frames(frozen);
  const data::GazeMovie shown(running_images, size.height, size.width);
  for (int64_t session = 0; session < size.sessions; ++session) {
    auto random = layout_stream(size.seed, 10 + session);
    const Watchers cells(size.neurons + session, size.height, size.width, random);
    std::vector<at::Tensor> counts;
    for (const auto& trial : trials) {
      counts.push_back(draw_spikes(cells.rates(shown.frames(trial)), 1, random).squeeze(0).t());
    }
    const std::string name = fmt::format("mouse_{}", session + 1), own = folder + "/" + name;
    std::filesystem::create_directories(own);
    data::Hdf5File file(own + "/" + name + "_fixationmovie_data.mat", data::Hdf5File::Mode::create);
    file.write("runningImages", as_matlab(running_images));
    file.write("frozenImages", as_matlab(frozen_images));
    file.write("runningfixations", running.to(at::kDouble));
    file.write("frozenfixations", frozen.to(at::kDouble));
    file.write("runningbin", at::stack(counts).to(at::kDouble));
    file.write("frozenbin", draw_spikes(cells.rates(test), size.repeats, random).transpose(1, 2).to(at::kDouble));
    file.close();
  }
}

}  // namespace plexiform::simulation

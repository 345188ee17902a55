#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/watchers.h>
#include <simulation/movies.h>

#include <filesystem>

namespace plexiform::simulation {
namespace {

// Rates in Hz from spikes per frame of 10 ms.
at::Tensor hertz(const at::Tensor& spikes) { return spikes.to(at::kFloat) * 100; }

void write_file(const std::string& name, const at::Tensor& train, const at::Tensor& test, const Watchers& cells,
                const LayoutSize& size, bool stacked, at::Generator random) {
  data::Hdf5File file(name, data::Hdf5File::Mode::create);
  const auto repeats = hertz(draw_spikes(cells.rates(test), size.repeats, random));
  const auto shown = hertz(draw_spikes(cells.rates(train), 1, random).squeeze(0));
  file.write("train/stimulus", train);
  file.write("test/stimulus", test);
  file.write("train/time", at::arange(train.size(0), at::kDouble) / 100);
  file.write("test/time", at::arange(test.size(0), at::kDouble) / 100);
  for (const char* type : {"firing_rate_5ms", "firing_rate_10ms", "firing_rate_20ms"}) {
    file.write(fmt::format("train/response/{}", type), shown);
    file.write(fmt::format("test/response/{}", type), repeats.mean(0));
    if (stacked) file.write(fmt::format("test/repeats/{}", type), repeats);
  }
  for (int64_t cell = 0; cell < repeats.size(1) && !stacked; ++cell) {
    file.write(fmt::format("test/repeats/cell{}", cell + 1), repeats.select(1, cell));
  }
  file.close();
}

}  // namespace

// Sessions see the same movies. The first stores its repeats together, the others by cell.
void write_maheswaranathan_2023(const std::string& folder, const LayoutSize& size) {
  const auto scene = [&](int64_t frames, int64_t k) {
    return moving_texture(frames, size.height, size.width, layout_stream(size.seed, k)).squeeze(0);
  };
  const auto noise = [&](int64_t frames, int64_t k) {
    return white_noise(frames, size.height, size.width, layout_stream(size.seed, k)).squeeze(0);
  };
  const at::Tensor movies[2][2] = {{scene(size.frames, 0), scene(size.test_frames, 1)},
                                   {noise(size.frames, 2), noise(size.test_frames, 3)}};
  for (int64_t session = 0; session < size.sessions; ++session) {
    const std::string own = fmt::format("{}/ganglion_cell_data/1{}-0{}-21", folder, 5 + session / 9, 1 + session % 9);
    std::filesystem::create_directories(own);
    auto random = layout_stream(size.seed, 10 + session);
    const Watchers cells(size.neurons + session, size.height, size.width, random);
    for (int kind = 0; kind < 2; ++kind) {
      write_file(own + (kind == 0 ? "/naturalscene.h5" : "/whitenoise.h5"), movies[kind][0], movies[kind][1], cells,
                 size, session == 0, random);
    }
  }
}

}  // namespace plexiform::simulation

#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/watchers.h>

#include <filesystem>

namespace plexiform::simulation {

// `trials` films of coloured noise, each 75 frames longer than the one before; the experiment tests on the last two of
// four.
void write_hdf5_folder(const std::string& folder, const LayoutSize& size) {
  constexpr int64_t colours = 3, longer = 75;
  std::filesystem::create_directory(folder + "/stimuli");
  std::vector<at::Tensor> movies;
  for (int64_t k = 0; k < size.trials; ++k) {
    movies.push_back(at::randn({colours, size.frames + k * longer, size.height, size.width},
                               layout_stream(size.seed, k), at::kDouble));
    data::write_npy(fmt::format("{}/stimuli/random_noise_{}.npy", folder, k), movies.back());
  }
  for (int64_t session = 0; session < size.sessions; ++session) {
    auto random = layout_stream(size.seed, 100 + session);
    const int64_t neurons = size.neurons + session;
    const Watchers cells(neurons, size.height, size.width, random);
    data::Hdf5File file(fmt::format("{}/session_{}.hdf5", folder, session), data::Hdf5File::Mode::create);
    for (int64_t k = 0; k < size.trials; ++k) {
      const auto rates = cells.rates(movies[k].select(0, session % colours));  // a session sees one colour
      file.write(fmt::format("responses_random_noise_{}", k), draw_spikes(rates, 1, random).squeeze(0).to(at::kDouble));
    }
    file.write("session_info/celltypes", at::arange(neurons, at::kLong).remainder(40));
    file.close();
  }
}

}  // namespace plexiform::simulation

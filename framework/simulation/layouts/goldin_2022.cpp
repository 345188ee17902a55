#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/watchers.h>

#include <array>

namespace plexiform::simulation {

// Two species in turn; sessions see the same images.
void write_goldin_2022(const std::string& folder, const LayoutSize& size) {
  constexpr std::array species = {"mouse", "axolotl"};
  constexpr double spikes_per_image = 4;
  const auto train = still_images(size.frames, size.height, size.width, layout_stream(size.seed, 0));
  const auto test = still_images(size.test_frames, size.height, size.width, layout_stream(size.seed, 1));
  for (int64_t session = 0; session < size.sessions; ++session) {
    auto random = layout_stream(size.seed, 10 + session);
    const Watchers cells(size.neurons + session, size.height, size.width, random);
    const auto repeats =
        draw_spikes(cells.rates(test, false).mul(spikes_per_image), size.repeats, random).to(at::kDouble);
    const auto shown = draw_spikes(cells.rates(train, false).mul(spikes_per_image), 1, random).squeeze(0);
    data::Hdf5File file(fmt::format("{}/{}_{}.h5", folder, species[session % 2], session / 2 + 1),
                        data::Hdf5File::Mode::create);
    file.write("train/stimulus", train);
    file.write("test/stimulus", test);
    file.write("train/response/binned", shown.to(at::kDouble));
    file.write("test/response/binned", repeats.mean(0));
    for (int64_t cell = 0; cell < repeats.size(1); ++cell) {
      file.write(fmt::format("test/repeats/cell{}", cell), repeats.select(1, cell));
    }
    file.close();
  }
}

}  // namespace plexiform::simulation

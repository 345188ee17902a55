#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/layouts/layouts.h>
#include <simulation/layouts/watchers.h>
#include <simulation/movies.h>

#include <filesystem>

namespace plexiform::simulation {
namespace {

// A slow trace, (T).
at::Tensor slow(int64_t frames, at::Generator& random) { return at::randn({frames}, random).cumsum(0) / 10; }

}  // namespace

// Each session sees movies of its own and, as oracle trials, `repeats` times one that all see. Pupil and running speed
// scale the responses.
void write_sensorium(const std::string& folder, const LayoutSize& size) {
  const auto oracle = moving_texture(size.test_frames, size.height, size.width, layout_stream(size.seed, 0)).squeeze(0);
  for (int64_t session = 0; session < size.sessions; ++session) {
    auto random = layout_stream(size.seed, 10 + session);
    const int64_t neurons = size.neurons + session;
    const Watchers cells(neurons, size.height, size.width, random);
    const std::string own = fmt::format("{}/dynamic{}-{}", folder, 29513 + session, 3 + session);
    for (const char* part :
         {"data/videos", "data/responses", "data/behavior", "data/pupil_center", "meta/trials", "meta/neurons"}) {
      std::filesystem::create_directories(own + "/" + part);
    }
    std::vector<std::string> tiers;
    for (int64_t trial = 0; trial < size.trials + size.repeats; ++trial) {
      const bool test = trial >= size.trials;
      tiers.push_back(test ? "oracle" : "train");
      const auto movie = test ? oracle : moving_texture(size.frames, size.height, size.width, random).squeeze(0);
      const auto pupil = slow(movie.size(0), random), speed = slow(movie.size(0), random).abs();
      const auto rates = cells.rates(movie) * (1 + 0.3 * speed.tanh());
      const auto write = [&](const char* kind, const at::Tensor& values) {
        data::write_npy(fmt::format("{}/data/{}/{}.npy", own, kind, trial), values);
      };
      write("videos", movie.permute({1, 2, 0}));
      write("responses", (rates + 0.2 * at::randn(rates.sizes(), random)).clamp_min(0));
      write("behavior", at::stack({pupil + 20, speed}));
      write("pupil_center", at::stack({slow(movie.size(0), random), slow(movie.size(0), random)}));
    }
    data::write_npy_texts(own + "/meta/trials/tiers.npy", tiers);
    data::write_npy(own + "/meta/neurons/cell_motor_coordinates.npy", at::randn({neurons, 3}, random) * 100);
  }
}

}  // namespace plexiform::simulation

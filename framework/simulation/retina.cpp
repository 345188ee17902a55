#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <simulation/cells.h>
#include <simulation/made_folder.h>
#include <simulation/movies.h>
#include <simulation/retina.h>

#include <filesystem>

namespace plexiform::simulation {
namespace {

struct Movie {
  std::string name;
  at::Tensor frames;  // (1, T, H, W) uint8
};
struct Movies {
  std::vector<Movie> train, test;
};

// Random numbers that do not depend on each other: more sessions leave the movies as they are.
at::Generator stream(int64_t seed, int64_t number) {
  return at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed * 2003 + number));
}

Movies make_movies(const RetinaParams& p) {
  const int64_t H = screen_height, W = screen_width;
  return {{{"noise", white_noise(p.frames, H, W, stream(p.seed, 0))},
           {"texture", moving_texture(p.frames, H, W, stream(p.seed, 1))}},
          {{"test_noise", white_noise(p.test_frames, H, W, stream(p.seed, 2))},
           {"test_texture", moving_texture(p.test_frames, H, W, stream(p.seed, 3))}}};
}

void write_movies(const std::string& folder, const std::vector<Movie>& movies) {
  for (const auto& movie : movies) data::write_npy(folder + movie.name + ".npy", movie.frames);
}

// Up to a sixth more or fewer than the average, so that sessions can be told apart by their shape.
int64_t draw_count(int64_t average, at::Generator& random) {
  return at::randint(average - average / 6, average + average / 6 + 1, {}, random).item<int64_t>();
}

// Responses to the training movies; returns their mean rate.
double write_training(data::Hdf5File& session, const Cells& cells, const std::vector<Movie>& movies,
                      at::Generator& random) {
  double rate_hz = 0;
  for (const auto& movie : movies) {
    const auto spikes = draw_spikes(spike_rates(cells, movie.frames), 1, random).squeeze(0);
    session.write("responses_" + movie.name, spikes);
    rate_hz += spikes.to(at::kDouble).mean().item<double>() * frame_rate_hz;
  }
  return rate_hz / static_cast<double>(movies.size());
}

// Responses to the test movies, and the truth about them; returns the noise ceilings (movies, N).
at::Tensor write_tests(data::Hdf5File& session, data::Hdf5File& truth, const Cells& cells,
                       const std::vector<Movie>& movies, int64_t repeats, at::Generator& random) {
  std::vector<at::Tensor> ceilings;
  for (const auto& movie : movies) {
    const auto rates = spike_rates(cells, movie.frames);
    const auto spikes = draw_spikes(rates, repeats, random);
    ceilings.push_back(noise_ceiling(rates, repeats));
    session.write("repeats_" + movie.name, spikes);
    session.write("responses_" + movie.name, spikes.to(at::kFloat).mean(0));
    truth.write("rates_" + movie.name, rates);
    truth.write("noise_ceiling_" + movie.name, ceilings.back());
  }
  return at::stack(ceilings);
}

void write_cells(data::Hdf5File& session, data::Hdf5File& truth, const Cells& cells) {
  session.write("session_info/frame_rate_hz", at::scalar_tensor(frame_rate_hz, at::kDouble));
  session.write("session_info/cell_type", cells.type);
  session.write("session_info/position", cells.centers);
  truth.write("spatial_filters", cells.spatial);
  truth.write("temporal_filters", cells.temporal);
  truth.write("centers", cells.centers);
  truth.write("gain", cells.gain);
  truth.write("threshold", cells.threshold);
}

SessionSummary write_session(const std::string& folder, int64_t number, const Movies& movies, const RetinaParams& p) {
  auto random = stream(p.seed, 10 + number);
  const auto cells = draw_cells(draw_count(p.neurons, random), random);
  const auto name = fmt::format("retina_{}", number);
  const auto create = data::Hdf5File::Mode::create;
  data::Hdf5File session(fmt::format("{}/{}.h5", folder, name), create);
  data::Hdf5File truth(fmt::format("{}/ground_truth/{}.h5", folder, name), create);
  write_cells(session, truth, cells);
  const double rate_hz = write_training(session, cells, movies.train, random);
  const auto ceilings = write_tests(session, truth, cells, movies.test, p.repeats, random);
  truth.close();
  session.close();
  return {name, cells.type.size(0), rate_hz, ceilings.mean(0).median().item<double>()};
}

}  // namespace

std::vector<SessionSummary> write_retina(const std::string& folder, const RetinaParams& params, bool replace) {
  std::vector<SessionSummary> summaries;
  make_folder(folder, replace, write_params(params), [&](const std::string& made) {
    std::filesystem::create_directory(made + "/stimuli");
    std::filesystem::create_directory(made + "/ground_truth");
    const auto movies = make_movies(params);
    write_movies(made + "/stimuli/", movies.train);
    write_movies(made + "/stimuli/", movies.test);
    for (int64_t k = 1; k <= params.sessions; ++k) summaries.push_back(write_session(made, k, movies, params));
  });
  return summaries;
}

}  // namespace plexiform::simulation

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <data/array_files.h>
#include <data/recordings.h>
#include <files/new_folder.h>
#include <insilico/receptive_fields.h>
#include <simulation/cells.h>
#include <simulation/made_folder.h>
#include <simulation/movies.h>
#include <simulation/retina.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

using namespace plexiform::simulation;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using plexiform::data::Hdf5File;
using plexiform::data::read_npy;
namespace fs = std::filesystem;

namespace {

struct Folder {  // a new, empty folder, removed at the end
  fs::path path = fs::temp_directory_path() / ("simulation_test_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  auto entries() const { return std::distance(fs::directory_iterator(path), {}); }
};

at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

RetinaParams small() {
  RetinaParams p;
  p.sessions = 2;
  p.neurons = 12;
  p.frames = 300;
  p.test_frames = 120;
  p.repeats = 5;
  return p;
}

// All files below a folder: name -> content.
std::map<std::string, std::string> content(const std::string& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    all[fs::relative(entry.path(), folder)] = {std::istreambuf_iterator<char>(stream), {}};
  }
  return all;
}

double correlation(const at::Tensor& a, const at::Tensor& b) {
  const auto x = (a - a.mean()).flatten(), y = (b - b.mean()).flatten();
  return ((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt()).item<double>();
}

}  // namespace

TEST_CASE("the same seed gives the same bytes, another seed gives others") {
  Folder folder;
  auto params = small();
  write_retina(folder / "a", params);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 keeps times in seconds
  write_retina(folder / "b", params);
  const bool same = content(folder / "a") == content(folder / "b");  // a failure should not print the files
  CHECK(same);
  params.seed = 43;
  write_retina(folder / "c", params);
  const auto a = content(folder / "a"), c = content(folder / "c");
  REQUIRE(a.size() == 9);
  for (const auto& [name, bytes] : c) {
    INFO(name);
    const bool differs = bytes != a.at(name);
    CHECK(differs);
  }
}

TEST_CASE("more sessions leave the movies and the first sessions as they are") {
  Folder folder;
  auto params = small();
  write_retina(folder / "two", params);
  params.sessions = 1;
  write_retina(folder / "one", params);
  const auto one = content(folder / "one"), two = content(folder / "two");
  for (const auto& [name, bytes] : one) {
    if (name == "simulation.json") continue;
    INFO(name);
    const bool as_it_was = bytes == two.at(name);
    CHECK(as_it_was);
  }
}

TEST_CASE("the simulated retina has the layout that is promised") {
  using Shape = std::vector<int64_t>;
  Folder folder;
  const auto summaries = write_retina(folder / "retina", small());
  for (const auto& [movie, frames] :
       std::map<std::string, int64_t>{{"noise", 300}, {"texture", 300}, {"test_noise", 120}, {"test_texture", 120}}) {
    const auto header = plexiform::data::read_npy_header(folder / ("retina/stimuli/" + movie + ".npy"));
    CHECK(header.shape == Shape{1, frames, 20, 24});
    CHECK(header.dtype == at::kByte);
  }
  REQUIRE(summaries.size() == 2);
  for (const auto& summary : summaries) {
    const int64_t N = summary.cells;
    CHECK((N >= 10 && N <= 14));
    const Hdf5File session(folder / ("retina/" + summary.name + ".h5"));
    CHECK(session.shape("responses_noise") == Shape{N, 300});
    CHECK(session.shape("responses_texture") == Shape{N, 300});
    CHECK(session.shape("repeats_test_noise") == Shape{5, N, 120});
    CHECK(session.shape("session_info/cell_type") == Shape{N});
    CHECK(session.read("session_info/frame_rate_hz").item<double>() == 30);
    for (const std::string test : {"test_noise", "test_texture"}) {
      const auto repeats = session.read("repeats_" + test), mean = session.read("responses_" + test);
      CHECK(repeats.scalar_type() == at::kByte);
      CHECK(mean.scalar_type() == at::kFloat);
      CHECK(at::allclose(mean, repeats.to(at::kFloat).mean(0)));
    }
    const Hdf5File truth(folder / ("retina/ground_truth/" + summary.name + ".h5"));
    CHECK(truth.shape("spatial_filters") == Shape{N, 20, 24});
    CHECK(truth.shape("temporal_filters") == Shape{N, 15});
    CHECK(truth.shape("centers") == Shape{N, 2});
    CHECK(truth.shape("rates_test_texture") == Shape{N, 120});
    CHECK(truth.shape("noise_ceiling_test_texture") == Shape{N});
  }
}

TEST_CASE("the simulated retina is read as any other data set, without its truth") {
  Folder folder;
  write_retina(folder / "retina", small());
  const auto recordings = plexiform::data::read_recordings(
      plexiform::config::from_json({{"data_io",
                                     {{"_target_", "plexiform.data.Hdf5Folder"},
                                      {"path", folder / "retina"},
                                      {"test_names", {"test_noise", "test_texture"}}}}}));
  REQUIRE(recordings.sessions.size() == 2);
  CHECK(recordings.sessions[0].train.size() == 2);
  CHECK(recordings.sessions[0].tests.size() == 2);
  CHECK(recordings.sessions[0].frame_rate_hz == 30);
  CHECK(recordings.sessions[0].train[0].stimulus == recordings.sessions[1].train[0].stimulus);
}

TEST_CASE("cells fire a few spikes per second, and reliably") {
  Folder folder;
  auto params = small();
  params.frames = 3000;
  params.test_frames = 450;
  params.neurons = 24;
  params.repeats = 30;
  write_retina(folder / "retina", params);
  const Hdf5File session(folder / "retina/retina_1.h5"), truth(folder / "retina/ground_truth/retina_1.h5");
  for (const std::string movie : {"noise", "texture"}) {
    const auto rate_hz = session.read("responses_" + movie).to(at::kDouble).mean(1) * 30;
    CHECK(rate_hz.min().item<double>() > 1);
    CHECK(rate_hz.max().item<double>() < 30);
    CHECK(truth.read("noise_ceiling_test_" + movie).min().item<double>() > 0.85);
    CHECK(truth.read("noise_ceiling_test_" + movie).max().item<double>() < 0.995);
  }
}

TEST_CASE("rates follow the formula: an old frame's contrast, gain, threshold, and grey before the start") {
  Cells cell;
  cell.spatial = at::zeros({1, screen_height, screen_width}, at::kDouble);
  cell.spatial[0][3][5] = 1.0;
  cell.temporal = at::zeros({1, lags}, at::kDouble);
  cell.temporal[0][2] = -2.0;
  cell.gain = at::tensor({0.5}, at::kDouble);
  cell.threshold = at::tensor({1.0}, at::kDouble);
  auto movie = at::full({1, 6, screen_height, screen_width}, 0, at::kByte);  // black: contrast -1
  movie[0][1][3][5] = 255;                                                   // white: contrast 1
  const auto rates = spike_rates(cell, movie);
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  // drive = -2 contrast(t - 2)
  const std::vector<double> expected = {softplus(-1),     softplus(-1),    softplus(2 - 1),
                                        softplus(-2 - 1), softplus(2 - 1), softplus(2 - 1)};
  CHECK(at::allclose(rates, 0.5 * at::tensor(expected, at::kDouble).unsqueeze(0)));
}

TEST_CASE("a movie shorter than the filter has rates too") {
  const auto cells = draw_cells(6, generator(1));
  const auto movie = white_noise(20, screen_height, screen_width, generator(2));
  CHECK(at::allclose(spike_rates(cells, movie.slice(1, 0, 3)), spike_rates(cells, movie).slice(1, 0, 3)));
}

TEST_CASE("spikes are Poisson: their mean and variance are the rate, and bins do not depend on each other") {
  const int64_t T = 40000;
  const auto spikes = draw_spikes(at::full({2, T}, 1.5, at::kDouble), 3, generator(3)).to(at::kDouble);
  const double error = 5 * std::sqrt(1.5 / T);  // five standard errors
  CHECK(at::allclose(spikes.mean(2), at::full({3, 2}, 1.5, at::kDouble), 0, error));
  CHECK(at::allclose(spikes.var(2), at::full({3, 2}, 1.5, at::kDouble), 0, 5 * std::sqrt((1.5 + 2 * 1.5 * 1.5) / T)));
  CHECK_THAT(correlation(spikes.slice(2, 1), spikes.slice(2, 0, T - 1)), WithinAbs(0, 5 / std::sqrt(6.0 * T)));
  CHECK_THAT(correlation(spikes[0], spikes[1]), WithinAbs(0, 5 / std::sqrt(2.0 * T)));
}

TEST_CASE("receptive fields are where they are said to be, of the sign of their type, and differ") {
  const auto cells = draw_cells(60, generator(4));
  const auto fields = cells.spatial.view({60, 1, 1, screen_height, screen_width});
  const auto found = plexiform::insilico::receptive_field_centers(fields);
  CHECK((found - cells.centers).norm(2, {1}).max().item<double>() < 0.5);
  CHECK(cells.centers.amin({0})[0].item<double>() >= 4);
  CHECK(cells.centers.amax({0})[0].item<double>() <= screen_height - 5);
  CHECK(cells.centers.amax({0})[1].item<double>() <= screen_width - 5);
  CHECK(cells.centers.amax({0})[1].item<double>() > screen_height - 5);  // columns are second
  for (int64_t n = 0; n < 60; ++n) {
    const bool on = cell_type_names()[n % 6].starts_with("ON");
    CHECK((cells.temporal[n][2].item<double>() > 0) == on);                 // 67 ms before: the first lobe
    CHECK((cells.temporal[n].slice(0, 6).sum().item<double>() < 0) == on);  // 200 ms and more: the second
    CHECK(cells.temporal[n][0].item<double>() == 0);
    CHECK(cells.spatial[n].min().item<double>() < 0);  // a surround
  }
}

TEST_CASE("in noise, the spike-triggered average has its peak at the cell's center") {
  const auto cells = draw_cells(24, generator(5));
  const auto movie = white_noise(9000, screen_height, screen_width, generator(6));
  const auto spikes = draw_spikes(spike_rates(cells, movie), 1, generator(7))[0].to(at::kDouble);
  const auto frames = contrast(movie).flatten(1);
  std::vector<at::Tensor> averages;  // of the frames some lags before the spikes
  for (int64_t lag = 1, T = spikes.size(1); lag < 8; ++lag) {
    averages.push_back(at::matmul(spikes.slice(1, lag), frames.slice(0, 0, T - lag)));
  }
  const auto fields = at::stack(averages, 1).view({24, 1, 7, screen_height, screen_width});
  const auto centers = plexiform::insilico::receptive_field_centers(fields);
  CHECK((centers - cells.centers).norm(2, {1}).max().item<double>() < 1.5);
}

TEST_CASE("the noise ceiling is the correlation of the true rate with the mean over repeats") {
  // variance 1, mean 1
  const auto simple = at::tensor({0.0, 2.0, 0.0, 2.0}, at::kDouble).unsqueeze(0);
  CHECK_THAT(noise_ceiling(simple, 1).item<double>(), WithinAbs(std::sqrt(1.0 / 2), 1e-12));
  CHECK_THAT(noise_ceiling(simple, 3).item<double>(), WithinAbs(std::sqrt(3.0 / 4), 1e-12));
  CHECK(noise_ceiling(at::ones({1, 4}, at::kDouble), 3).item<double>() == 0);
  CHECK(noise_ceiling(at::zeros({1, 4}, at::kDouble), 3).item<double>() == 0);

  const auto cells = draw_cells(6, generator(8));
  const auto rates = spike_rates(cells, moving_texture(12000, screen_height, screen_width, generator(9)));
  const int64_t R = 10;
  const auto repeats = draw_spikes(rates, R, generator(10)).to(at::kDouble);
  const auto mean = repeats.mean(0), ceiling = noise_ceiling(rates, R);
  const auto of_mean = mean.var(1), of_one = repeats.var(2).mean(0);
  const auto estimate = ((R * of_mean - of_one) / ((R - 1) * of_mean)).sqrt();
  for (int64_t n = 0; n < 6; ++n) {
    CHECK_THAT(correlation(rates[n], mean[n]), WithinAbs(ceiling[n].item<double>(), 0.02));
    CHECK_THAT(estimate[n].item<double>(), WithinAbs(ceiling[n].item<double>(), 0.02));
  }
}

TEST_CASE("noise is black and white, every pixel by itself") {
  const auto movie = white_noise(500, 20, 24, generator(11));
  CHECK(((movie == 0) | (movie == 255)).all().item<bool>());
  const auto c = contrast(movie);
  CHECK_THAT(c.mean().item<double>(), WithinAbs(0, 0.01));
  CHECK_THAT(correlation(c.slice(0, 1), c.slice(0, 0, -1)), WithinAbs(0, 0.01));
  CHECK_THAT(correlation(c.slice(1, 1), c.slice(1, 0, -1)), WithinAbs(0, 0.01));
  CHECK_THAT(correlation(c.slice(2, 1), c.slice(2, 0, -1)), WithinAbs(0, 0.01));
}

TEST_CASE("the texture is coarse, moves smoothly within a scene, and changes between scenes") {
  const auto c = contrast(moving_texture(12000, 20, 24, generator(12)));
  CHECK_THAT(c.mean().item<double>(), WithinAbs(0, 0.02));
  CHECK_THAT(c.std().item<double>(), WithinAbs(0.3, 0.02));
  CHECK(correlation(c.slice(2, 1), c.slice(2, 0, -1)) > 0.7);
  CHECK(correlation(c.slice(1, 1), c.slice(1, 0, -1)) > 0.7);
  const double next = correlation(c.slice(0, 1, 120), c.slice(0, 0, 119));
  CHECK((next > 0.7 && next < 0.99));
  CHECK(std::abs(correlation(c.slice(0, 119, c.size(0) - 1, 120), c.slice(0, 120, c.size(0), 120))) < 0.2);
}

TEST_CASE("a folder that is not empty is refused, and simulated recordings are replaced only by force") {
  Folder folder;
  auto params = small();
  write_retina(folder / "retina", params);
  const auto before = content(folder / "retina");
  params.sessions = 1;
  CHECK_THROWS_WITH(write_retina(folder / "retina", params),
                    ContainsSubstring("holds simulated recordings already") && ContainsSubstring("--force"));
  const bool untouched = content(folder / "retina") == before;
  CHECK(untouched);
  write_retina(folder / "retina", params, true);
  CHECK_FALSE(fs::exists(folder / "retina/retina_2.h5"));

  fs::create_directory(folder / "mine");
  std::ofstream(folder / "mine/thesis.txt") << "years of work";
  CHECK_THROWS_WITH(write_retina(folder / "mine", params, true),
                    ContainsSubstring("is not empty, and what is in it was not simulated"));
  CHECK_THROWS_WITH(write_retina(folder / "mine/thesis.txt", params), ContainsSubstring("is a file"));
  CHECK(content(folder / "mine").at("thesis.txt") == "years of work");
  CHECK(folder.entries() == 2);  // nothing half-made is left beside them
}

TEST_CASE("an empty folder, a trailing slash and folders that are not there yet are taken") {
  Folder folder;
  auto params = small();
  params.sessions = 1;
  fs::create_directory(folder / "empty");
  write_retina(folder / "empty/", params);
  CHECK(fs::exists(folder / "empty/retina_1.h5"));
  write_retina(folder / "a/b/c", params);
  CHECK(fs::exists(folder / "a/b/c/retina_1.h5"));
  CHECK(folder.entries() == 2);
}

TEST_CASE("create-data refuses what it does not understand before it writes") {
  using plexiform::cli::create_data;
  Folder folder;
  const auto data = folder / "data";
  CHECK_THROWS_AS(create_data({}), plexiform::cli::Usage);
  CHECK_THROWS_AS(create_data({data, "--cells", "3"}), plexiform::cli::Usage);
  CHECK_THROWS_AS(create_data({data, "--frames", "many"}), plexiform::cli::Usage);
  CHECK_THROWS_WITH(create_data({data, "--repeats", "1"}),
                    "--repeats: is 1\n  fix: use 2 to 10000 (how often the test movies are shown)");
  // No name would be the folder that the program runs in.
  CHECK_THROWS_AS(create_data({""}), plexiform::cli::Usage);
  CHECK_THROWS_AS(create_data({"", "--layout", "goldin_2022"}), plexiform::cli::Usage);
  CHECK_THROWS_WITH(plexiform::simulation::make_folder("", true, {}, [](const std::string&) {}),
                    "folder: has no name\n  fix: name the folder to make");
  CHECK_THROWS_AS(plexiform::files::NewFolder(""), plexiform::Error);
  CHECK_THROWS_AS(create_data({data, "--layout", "nonsense"}), plexiform::cli::Usage);
  CHECK_THROWS_MATCHES(create_data({data, "--layout", "hoefling_2024_low_res", "--frames", "300"}),
                       plexiform::cli::Usage,
                       Catch::Matchers::Message("--frames: is 150 in this layout\n  fix: leave it out"));
  CHECK(folder.entries() == 0);
  CHECK(create_data({data, "--sessions", "1", "--neurons", "3", "--frames", "60", "--test-frames", "30"}) == 0);
  CHECK(fs::exists(data + "/retina_1.h5"));
}

// Fixed filters from spike-triggered averages.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <data/array_files.h>
#include <data/spike_triggered_average.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../folder.h"

using namespace plexiform::data;
using Catch::Approx;

namespace {

// A bump of bins whose peak is bin 5, of one Gaussian.
at::Tensor average(const Gaussian2d& spot) {
  const auto time = at::arange(10, at::kDouble).sub(5).square().neg().exp();
  return time.view({10, 1, 1}) * spot.values(24, 30);
}

}  // namespace

TEST_CASE("a Gaussian without noise is found again") {
  const Gaussian2d spot{14.3, 9.7, 2.5, 1.5, 0.4, 1};
  const auto fit = fit_gaussian(spot.values(24, 30));
  REQUIRE(fit);
  CHECK(fit->cx == Approx(14.3).epsilon(1e-9));
  CHECK(fit->cy == Approx(9.7).epsilon(1e-9));
  CHECK(fit->sx * fit->sy == Approx(2.5 * 1.5).epsilon(1e-8));
  CHECK(at::allclose(fit->values(24, 30), spot.values(24, 30), 1e-8, 1e-10));
  CHECK(fit->inside(24, 30, 3).sum().item<int64_t>() == 107);
}

TEST_CASE("with noise, at an edge and at a bound the fit is that of SciPy's bounded solver") {
  std::ifstream stream(TEST_DATA "/gaussian_fits.json");
  const auto all = nlohmann::json::parse(stream);
  for (const auto& [name, golden] : all.items()) {
    INFO(name);
    const auto p = golden["given"].get<std::vector<double>>();
    const int64_t H = golden["shape"][0], W = golden["shape"][1];
    const auto i = at::arange(H * W, at::kDouble);
    const auto noise = golden["noise"].get<double>() * ((0.7 * i).sin() * (0.13 * i).cos()).view({H, W});
    const auto frame = Gaussian2d{p[0], p[1], p[2], p[3], p[4], p[5]}.values(H, W) + noise;
    const auto fit = fit_gaussian(frame);
    REQUIRE(fit);
    const auto values = fit->values(H, W);
    CHECK((values - frame).square().sum().item<double>() == Approx(golden["cost"].get<double>()).epsilon(1e-7));
    CHECK(values.sum().item<double>() == Approx(golden["sum"].get<double>()).epsilon(1e-4));
    for (int64_t x = 0; x < W; ++x) {
      CHECK(values[H / 2][x].item<double>() == Approx(golden["middle row"][x].get<double>()).margin(1e-4));
    }
  }
}

TEST_CASE("the spatial filter is the fit within its contour, the temporal one the average at its centre") {
  const Gaussian2d spot{14.3, 9.7, 2.5, 1.5, 0.4, -2};  // an OFF cell
  const auto filters = sta_filters(average(spot), 4);
  CHECK(filters.spatial.sum().item<double>() == Approx(6.792614).epsilon(1e-6));
  CHECK(filters.spatial.max().item<double>() == Approx(0.2809524).epsilon(1e-6));
  CHECK((filters.spatial > 0).sum().item<int64_t>() == 107);
  CHECK(filters.center_x == Approx(14.3));
  const auto bump = at::arange(6, 10, at::kDouble).sub(5).square().neg().exp();  // bins 6..9
  CHECK(at::allclose(filters.temporal, (-bump / bump.norm()).to(at::kFloat), 1e-5, 1e-7));
  CHECK(sta_filters(average(spot)).temporal.numel() == 10);
}

TEST_CASE("an average that is not finite gives filters of zeros") {
  const auto filters = sta_filters(at::full({7, 5, 6}, NAN), 3);
  CHECK(filters.spatial.sizes().vec() == std::vector<int64_t>{5, 6});
  CHECK(filters.temporal.numel() == 3);
  CHECK(filters.spatial.abs().sum().item<double>() + filters.temporal.abs().sum().item<double>() == 0);
  CHECK_FALSE(fit_gaussian(at::zeros({2, 9})));
}

TEST_CASE("a file's average is turned round and cropped to the middle") {
  const Folder folder;
  const auto stored = at::arange(2 * 5 * 6, at::kFloat).view({2, 5, 6});
  write_npy(folder / "a.npy", stored);
  CHECK(at::allclose(read_sta(folder / "a.npy", false, 3, 4), stored.slice(1, 1, 4).slice(2, 1, 5)));
  CHECK(at::allclose(read_sta(folder / "a.npy", true, 5, 6), stored.flip(2)));
  CHECK_THROWS_WITH(read_sta(folder / "a.npy", false, 5, 7), Catch::Matchers::ContainsSubstring("at least 5 x 7 px"));
}

TEST_CASE("each neuron of a recording gets the filters of its file") {
  const Folder folder;
  Recordings of;
  of.height = 24;
  of.width = 30;
  Session session;
  session.name = "01";
  session.neurons = 2;
  session.info["cell_indices"] = at::arange(3, 5);  // 3, 4
  of.sessions.push_back(session);
  const Gaussian2d spots[] = {{14.3, 9.7, 2.5, 1.5, 0.4, 1}, {1.2, 20, 2, 2, 0, -1}};
  write_npy(folder / "cell_data_01_WN_stas_cell_3.npy", average(spots[0]));
  write_npy(folder / "cell_data_01_WN_stas_cell_4.npy", average(spots[1]));
  StaFilterParams params;
  params.folder = folder.path.string();
  params.last_bins = 6;
  add_sta_filters(of, params);
  const auto whole = of.sessions[0].info["spatial_filters"];
  CHECK(whole.sizes().vec() == std::vector<int64_t>{2, 24, 30});
  CHECK(at::allclose(whole[0], sta_filters(average(spots[0])).spatial));
  CHECK(of.sessions[0].info["temporal_filters"].sizes().vec() == std::vector<int64_t>{2, 6});
  params.crop = {{6, 4}};
  add_sta_filters(of, params);
  const auto cropped = of.sessions[0].info["spatial_filters"];
  CHECK(at::allclose(cropped[0].slice(0, 6, 12).slice(1, 12, 16), whole[0].slice(0, 6, 12).slice(1, 12, 16)));
  CHECK((cropped[0] > 0).sum().item<int64_t>() == 24);
  CHECK(cropped[1].slice(1, 4).abs().sum().item<double>() == 0);  // the window stays inside the frame
  params.pattern = "cell_{cell_index}.npy";
  CHECK_THROWS_WITH(add_sta_filters(of, params), Catch::Matchers::ContainsSubstring("cell_3.npy"));
}

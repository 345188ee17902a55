// The command predict: a trained model's activity as data, and an autoencoder trained on it.
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <data/array_files.h>
#include <plexiform/host/trained_model.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a sparse autoencoder is trained on what a model predicts, and says its code of it") {
  need_plugins({"identity", "sparse_autoencoder", "linear", "gaussian_mask", "poisson", "mse", "correlation"});
  const Folder folder;
  const auto done = [&](const std::vector<std::string>& words) {
    const Ran ran = run(words, folder / "log");
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    return ran.output;
  };
  const std::string data = folder / "data", trained = folder / "run", activity = folder / "activity",
                    autoencoder = folder / "autoencoder", codes = folder / "codes";
  done({"create-data", data, "--frames=900", "--test-frames=300", "--sessions=2"});
  done({"train", "--config-name=quickstart", "paths.data_dir=" + data, "hydra.run.dir=" + trained, "model/core=linear",
        "trainer.max_epochs=1", "dataloader.num_val_clips=1", "+trainer.limit_train_batches=2"});
  const std::string movie = data + "/stimuli/noise.npy", test = data + "/stimuli/test_noise.npy";
  done({"predict", trained, movie, test, "-o", activity});

  const host::TrainedModel model(trained + "/model", {{}, {PLUGIN_DIR}});
  const auto shown = data::read_npy(activity + "/stimuli/noise.npy");
  std::vector<at::Tensor> rates;
  for (const auto& session : model.sessions())
    rates.push_back(model.predict(data::read_npy(movie).unsqueeze(0), session).squeeze(0).t());
  const auto expected = at::cat(rates);
  CHECK(shown.sizes() == at::IntArrayRef{expected.size(0), expected.size(1), 1, 1});
  CHECK(at::allclose(shown.flatten(1), expected));
  CHECK(at::allclose(data::Hdf5File(activity + "/activity.h5").read("responses_noise"), expected));

  done({"train", "--config-name=sparse_autoencoder", "paths.data_dir=" + activity, "hydra.run.dir=" + autoencoder,
        "data_io.test_names=[test_noise]", "model.readout.hidden_dim=100", "trainer.max_epochs=2",
        "dataloader.num_val_clips=1", "~lr_scheduler"});
  done({"predict", autoencoder, activity + "/stimuli/test_noise.npy", "--tap", "code", "-o", codes});
  const auto code = data::read_npy(codes + "/stimuli/test_noise.npy");
  CHECK(code.size(0) == 100);
  CHECK(code.min().item<double>() == 0);  // some features are silent in some bin
  done({"export", autoencoder, "-o", folder / "autoencoder.pt"});

  const Ran unknown = run({"predict", trained, movie, "--tap", "code", "-o", folder / "none"}, folder / "log");
  CHECK(unknown.code == 1);
  CHECK_THAT(unknown.output, ContainsSubstring("--tap code: is nothing that the readout of session"));
  const Ran wrong = run({"predict", autoencoder, movie, "-o", folder / "none"}, folder / "log");
  CHECK(wrong.code == 1);
  CHECK_THAT(wrong.output, ContainsSubstring("noise.npy: is of "));
  CHECK(!std::filesystem::exists(folder / "none"));
}

TEST_CASE("a long movie is predicted as its parts are, whatever its core cuts") {
  need_plugins({"simple", "gaussian_mask", "poisson", "correlation"});
  const Folder folder;
  const std::string data = folder / "data", movie = data + "/stimuli/noise.npy";
  REQUIRE(run({"create-data", data, "--frames=1100", "--test-frames=300", "--sessions=1"}, folder / "log").code == 0);
  for (const int cut : {0, 5, 100}) {
    const std::string trained = folder / ("run" + std::to_string(cut));
    const Ran ran = run({"train", "--config-name=quickstart", "paths.data_dir=" + data, "hydra.run.dir=" + trained,
                         "+model.core.cut_first_n_frames=" + std::to_string(cut), "trainer.max_epochs=1",
                         "dataloader.train_chunk_size=" + std::to_string(cut + 60), "dataloader.num_val_clips=1",
                         "dataloader.batch_size=1", "+trainer.limit_train_batches=1", "+trainer.limit_val_batches=1",
                         "+trainer.limit_test_batches=1"},
                        folder / "log");
    INFO(ran.output);
    REQUIRE(ran.code == 0);
    const host::TrainedModel model(trained + "/model", {{}, {PLUGIN_DIR}});
    const auto predict = [&, all = data::read_npy(movie).unsqueeze(0)](int64_t begin, int64_t end) {
      return model.predict(all.slice(2, begin, end), model.sessions()[0]);
    };
    constexpr int64_t part = 400;  // short enough to go through the core as a whole
    const int64_t lag = part - predict(0, part).size(1);
    for (const int64_t bins : {511, 512, 513, 768, 1100}) {
      std::vector<at::Tensor> parts = {predict(0, part)};
      for (int64_t end = part; end < bins; end = std::min(bins, end + part - lag))
        parts.push_back(predict(end - lag, std::min(bins, end + part - lag)));
      INFO("cut " << cut << ", " << bins << " bins");
      const auto whole = predict(0, bins), expected = at::cat(parts, 1);
      REQUIRE(whole.sizes() == expected.sizes());
      CHECK(at::allclose(whole, expected, 1e-4, 1e-6));
    }
    CHECK(model.predict(data::read_npy(movie).unsqueeze(0).slice(0, 0, 0), model.sessions()[0]).size(0) == 0);
    CHECK(predict(0, lag + 1).size(1) == 1);
    CHECK_THROWS_WITH(predict(0, lag), "stimulus: is of " + std::to_string(lag) +
                                           " bins, too few for a prediction\n  fix: give it more than " +
                                           std::to_string(lag) + ": so many bins at its start get none");
    auto frames = data::read_npy(movie).slice(1, 0, lag).to(at::kFloat);
    data::write_npy(folder / "short.npy", frames);
    const Ran nothing = run({"stream", trained, "--frames", folder / "short.npy"}, folder / "log");
    CHECK(nothing.code == 0);
    CHECK_THAT(nothing.output, ContainsSubstring("no prediction of session"));
    std::filesystem::remove(folder / "short.npy");
    frames[0][lag - 1][0][0] = std::nan("");
    data::write_npy(folder / "short.npy", frames);
    const Ran refused = run({"stream", trained, "--frames", folder / "short.npy"}, folder / "log");
    CHECK(refused.code == 1);
    CHECK_THAT(refused.output, ContainsSubstring("short.npy: holds NaN or infinity"));
    std::filesystem::remove(folder / "short.npy");
    // More windows than go through the model together (model.cpp).
    const int64_t each = part / 2, count = 60;
    std::vector<at::Tensor> windows, alone;
    for (int64_t k = 0; k < count; ++k) {
      windows.push_back(data::read_npy(movie).unsqueeze(0).slice(2, 10 * k, 10 * k + each));
      alone.push_back(predict(10 * k, 10 * k + each));
    }
    REQUIRE(at::cat(windows).numel() > int64_t{1} << 22);
    CHECK(at::allclose(model.predict(at::cat(windows), model.sessions()[0]), at::cat(alone), 1e-4, 1e-6));
  }
}

// Trains a model from a program, follows and stops the training, then uses the model.
//   experiment DATA RUN [CONFIG]   DATA: of `plexiform create-data DATA`; RUN: a new folder; CONFIG: a YAML file or a name
#include <ATen/ops/full.h>
#include <plexiform/host/experiment.h>
#include <plexiform/host/trained_model.h>

#include <iostream>
using namespace plexiform::host;

struct Progress final : Observer {
  Next epoch_done(const Epoch& epoch) override {
    std::cout << "epoch " << epoch.at.epoch << ": correlation " << epoch.metrics.at("val_correlation") << std::endl;
    const bool enough = epoch.metrics.at("val_correlation") > 0.5 || epoch.at.epoch == 3;
    return enough ? Next::finish : Next::go_on;
  }
};

Json config(const std::string& data) {
  const Json core = {{"_target_", "plexiform.cores.Linear"}, {"features", 4}, {"kernel", 9}};
  return {{"data_io", {{"_target_", "plexiform.data.Hdf5Folder"}, {"path", data}, {"test_names", {"test_noise"}}}},
          {"model", {{"core", core}, {"readout", {{"_target_", "plexiform.readouts.GaussianMask"}}}}},
          {"dataloader", {{"_target_", "plexiform.data.Clips"}, {"train_chunk_size", 60}}},
          {"optimizer", {{"_target_", "torch.optim.AdamW"}, {"lr", 0.02}}}};
}

int main(int count, char** words) try {
  if (count < 3) throw plexiform::Error("", "needs DATA and RUN", "experiment DATA RUN [CONFIG]");
  const std::string data = words[1], run = words[2];
  auto experiment =
      words[3] ? Experiment({words[3], {"paths.data_dir=" + data}, {}, run}) : Experiment(config(data), run);
  Progress progress;
  const auto result = experiment.train(progress);
  std::cout << result.table << "median " << result.scores["summary"]["correlation_to_average"]["median"] << "\n";
  const TrainedModel model(result.model);
  const auto [C, T, H, W] = model.window();
  const auto rates = model.predict(at::full({1, C, T, H, W}, 128), model.sessions()[0]);  // of a grey screen
  std::cout << model.sessions()[0] << " at rest: " << rates.mean().item<double>() << " spikes per bin\n";
} catch (const plexiform::Error& error) {
  return std::cerr << error.what() << "\n", 1;
}

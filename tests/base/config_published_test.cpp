// The published experiments of configs/ compose to what Hydra composes from openretina's, text for text.
#include <config/compose.h>
#include <config/info.h>
#include <config/resolve.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../environment.h"

using namespace plexiform::config;
namespace fs = std::filesystem;

namespace {

const std::string kConfigs = std::string(SOURCE_DIR) + "/configs";
const fs::path kComposed = fs::path(TEST_DATA) / "composed";

std::string fixture(const fs::path& path) {  // without the comment on its first line
  std::ifstream file(path);
  REQUIRE(file);
  std::string comment;
  std::getline(file, comment);
  REQUIRE(comment.starts_with("# "));
  std::ostringstream rest;
  rest << file.rdbuf();
  return rest.str();
}

Composition composed(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return compose({{kConfigs}, name, overrides});
}

}  // namespace

TEST_CASE("the published experiments compose as with Hydra") {
  size_t experiments = 0;
  for (const auto& entry : fs::directory_iterator(kComposed)) {
    const std::string name = entry.path().stem();
    INFO(name);
    CHECK(to_yaml(composed(name).job) == fixture(entry.path()));
    ++experiments;
  }
  CHECK(experiments == 18);
}

TEST_CASE("every experiment of configs/ composes, but the template asks for data first") {
  for (const auto& name : primary_configs({kConfigs})) {
    INFO(name);
    if (name == "template_outer_config") {
      CHECK_THROWS_AS(composed(name), plexiform::Error);
      CHECK(composed(name, {"data_io=hdf5_reader", "dataloader=hdf5_loader"}).job.find("model"));
    } else {
      CHECK_NOTHROW(composed(name));
    }
  }
}

TEST_CASE("every option of every group of configs/ can be chosen") {
  const auto chosen = composed("hdf5_core_readout").choices;
  for (const auto& group : groups({kConfigs})) {
    if (group.name.starts_with("hydra")) continue;
    const bool known =
        std::any_of(chosen.begin(), chosen.end(), [&](const auto& choice) { return choice.first == group.name; });
    for (const auto& option : group.options) {
      INFO(group.name << "=" << option);
      CHECK_NOTHROW(composed("hdf5_core_readout", {(known ? "" : "+") + group.name + "=" + option}));
    }
  }
}

TEST_CASE("the searches of configs/ have a sampler, a direction and a space") {
  const Composition search = composed("hoefling_2024_core_readout_low_res_hyperparams_search");
  CHECK(search.job.at_path("objective_target")->string == "val_evaluation_loss");
  CHECK(search.hydra.at_path("sweeper.direction")->string == "maximize");
  CHECK(search.hydra.at_path("sweeper.n_trials")->integer == 20);
  CHECK(search.hydra.at_path("sweeper.sampler._target_")->string == "optuna.samplers.TPESampler");
  CHECK(search.hydra.at_path("sweeper.sampler.n_startup_trials")->integer == 10);
  CHECK(search.hydra.at_path("sweeper.params")->find("model.core.gamma_input")->string == "interval(1e-5, 1e-2)");
}

TEST_CASE("a run of the published HDF5 experiment goes to a folder of its own") {
  const Environment cache("OPENRETINA_CACHE_DIRECTORY", "/cache");
  Composition composition = composed("hdf5_core_readout", {"paths.log_dir=/logs"});
  const std::string folder = run_folder(composition, std::time_t(1'700'000'000));
  CHECK(folder.starts_with("/logs/openretina_assets/runs/h5_core_readout/2023-11-1"));
  set_output_folder(composition, folder);
  const Node job = resolve(composition.job, {composition.hydra, std::time_t(1'700'000'000)});
  CHECK(job.at_path("training_callbacks.model_checkpoint.dirpath")->string == folder + "/checkpoints");
  CHECK(job.at_path("optimizer.lr")->real == 0.01);
  CHECK(job.at_path("model.in_shape.2")->integer == 16);
  CHECK(job.at_path("model.core.channels")->kind == Kind::missing);
}

// The published experiments of configs/ compose to what Hydra composes from them.
#include <config/compose.h>
#include <config/resolve.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace plexiform::config;

namespace {

const std::string kConfigs = std::string(SOURCE_DIR) + "/configs";

std::string fixture(const std::string& name) {  // without the comment on its first line
  std::ifstream file(std::string(TEST_DATA) + "/composed/" + name + ".yaml");
  REQUIRE(file);
  std::string comment;
  std::getline(file, comment);
  std::ostringstream rest;
  rest << file.rdbuf();
  return rest.str();
}

}  // namespace

TEST_CASE("the published HDF5 experiment composes as with Hydra") {
  const Composition composition = compose({{kConfigs}, "hdf5_core_readout", {}});
  CHECK(to_yaml(composition.job) == fixture("hdf5_core_readout"));
}

TEST_CASE("a run of the published HDF5 experiment goes to a folder of its own") {
  setenv("OPENRETINA_CACHE_DIRECTORY", "/cache", 1);
  Composition composition = compose({{kConfigs}, "hdf5_core_readout", {"paths.log_dir=/logs"}});
  const std::string folder = run_folder(composition, std::time_t(1'700'000'000));
  CHECK(folder.starts_with("/logs/openretina_assets/runs/h5_core_readout/2023-11-1"));
  set_output_folder(composition, folder);
  const Node job = resolve(composition.job, {composition.hydra, std::time_t(1'700'000'000)});
  CHECK(job.at_path("training_callbacks.model_checkpoint.dirpath")->string == folder + "/checkpoints");
  CHECK(job.at_path("optimizer.lr")->real == 0.01);
  CHECK(job.at_path("model.in_shape.2")->integer == 16);
  CHECK(job.at_path("model.core.channels")->kind == Kind::missing);
}

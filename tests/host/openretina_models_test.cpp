// openretina's whole models by name, as compositions.
#include <config/compose.h>
#include <openretina/models.h>
#include <plugins/catalogue.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include "../command.h"
#include "../folder.h"

using namespace plexiform;

namespace {

config::Json expanded(const std::string& model) {
  return config::to_json(openretina::parts(config::parse_yaml(model, "test.yaml")));
}

}  // namespace

TEST_CASE("ExampleCoreReadout is a core and a readout, its two readout penalties as openretina wires them") {
  const auto model = expanded(
      "_target_: openretina.models.ExampleCoreReadout\n"
      "in_shape: [2, 50, 18, 16]\n"
      "hidden_channels: [16, 8]\n"
      "temporal_kernel_sizes: [21, 11]\n"
      "spatial_kernel_sizes: [11, 5]\n"
      "core_gamma_input: 0.5\n"
      "readout_gamma: 0.4\n"
      "readout_gamma_masks: 0.1\n"
      "data_info: {a: 1}\n");
  CHECK(model.at("core").at("_target_") == "openretina.modules.core.base_core.SimpleCoreWrapper");
  CHECK(model.at("core").at("channels") == config::Json{2, 16, 8});
  CHECK(model.at("core").at("gamma_input") == 0.5);
  CHECK(model.at("core").at("gamma_temporal") == 40);
  CHECK(model.at("core").at("cut_first_n_frames") == 30);
  CHECK(model.at("readout").at("mask_l1_reg") == 0.4);
  CHECK(model.at("readout").at("feature_weights_l1_reg") == 0.1);
  CHECK(model.at("loss").at("_target_") == "openretina.modules.losses.poisson.PoissonLoss3d");
  CHECK(!model.contains("data_info"));
}

TEST_CASE("parts beside a whole model's arguments replace its own") {
  const auto model = expanded(
      "_target_: openretina.models.linear_nonlinear.SingleCellSeparatedLNP\n"
      "in_shape: [1, 30, 15, 15]\n"
      "nonlinearity: softplus\n"
      "core: {_target_: mylab.cores.Mine}\n"
      "loss: {_target_: openretina.modules.losses.MSE3d}\n");
  CHECK(model.at("core").at("_target_") == "mylab.cores.Mine");
  CHECK(model.at("readout").at("temporal_kernel_size") == 30);
  CHECK(model.at("readout").at("nonlinearity") == "softplus");
  CHECK(model.at("loss").at("_target_") == "openretina.modules.losses.MSE3d");
}

TEST_CASE("a spatial contrast model's averages are the config's section of filters") {
  auto root = config::parse_yaml(
      "model:\n"
      "  _target_: openretina.models.SingleCellSpatialContrast\n"
      "  in_shape: [1, 30, 40, 50]\n"
      "  sta_dir: stas\n"
      "  sta_file_name: cell_7.npy\n"
      "  flip_sta: true\n"
      "  temporal_crop_frames: 20\n"
      "  spat_crop_size: [15, 15]\n"
      "  a_init: 4.0\n",
      "test.yaml");
  openretina::expand(root);
  const auto config = config::to_json(root);
  CHECK(config.at("sta_filters") ==
        config::Json{
            {"folder", "stas"}, {"pattern", "cell_7.npy"}, {"flip", true}, {"last_bins", 20}, {"crop", {15, 15}}});
  CHECK(config.at("model").at("readout").at("a_init") == 4);
  CHECK(!config.at("model").at("readout").contains("sta_dir"));
}

TEST_CASE("a whole model without an optimizer trains with openretina's") {
  const std::string model =
      "model:\n  _target_: openretina.models.linear_nonlinear.SingleCellSeparatedLNP\n"
      "  in_shape: [1, 30, 15, 15]\n  learning_rate: 0.005\n";
  auto root = config::parse_yaml(model, "test.yaml");
  openretina::expand(root);
  CHECK(config::to_json(*root.find("optimizer")) == config::Json{{"_target_", "torch.optim.AdamW"}, {"lr", 0.005}});
  CHECK(root.at_path("lr_scheduler.monitor")->string == "val_correlation");
  auto chosen = config::parse_yaml(model + "optimizer: {_target_: torch.optim.SGD}\nlr_scheduler: null\n", "test.yaml");
  openretina::expand(chosen);
  CHECK(chosen.at_path("optimizer._target_")->string == "torch.optim.SGD");
  CHECK(chosen.find("lr_scheduler")->is_null());
}

TEST_CASE("a function of PyTorch is the readout's nonlinearity") {
  const auto model =
      expanded("readout:\n  nonlinearity_function: {_target_: torch.nn.functional.relu, _partial_: true}\n");
  CHECK(model.at("readout") == config::Json{{"nonlinearity", "relu"}});
}

TEST_CASE("what is wrong with a whole model is said with its place") {
  CHECK_THROWS_WITH(
      expanded("_target_: openretina.models.ExampleCoreReadOut\n"),
      "test.yaml:1:11: model._target_: 'openretina.models.ExampleCoreReadOut' is no model that is known here\n"
      "  fix: did you mean 'openretina.models.ExampleCoreReadout'?");
  CHECK_THROWS_WITH(expanded("_target_: openretina.models.linear_nonlinear.SingleCellSeparatedLNP\nrnak: 2\n"),
                    "test.yaml:2:1: model.rnak: no such argument of "
                    "openretina.models.linear_nonlinear.SingleCellSeparatedLNP\n  fix: did you mean 'rank'?");
  CHECK_THROWS_WITH(expanded("_target_: openretina.models.UnifiedCoreReadout\nreadout: {}\n"),
                    "test.yaml:1:1: model.core: is not given\n  fix: openretina.models.UnifiedCoreReadout needs it");
}

TEST_CASE("every name of openretina's models and of their parts means something here") {
  auto plugins = plugins::Catalogue::discover({{}, {PLUGIN_DIR}}, plugins::Cache(""));
  const std::pair<const char*, std::vector<std::string>> parts[] = {
      {"core",
       {"core.base_core.SimpleCoreWrapper", "core.base_core.DummyCore", "core.gru_core.ConvGRUCore",
        "core.gru_core.ConditionedGRUCore"}},
      {"readout",
       {"readout.base.ClonedReadout", "readout.factorized_gaussian.GaussianMaskReadout",
        "readout.gaussian.PointGaussianReadout", "readout.gaussian.FullGaussian2d",
        "readout.factorized.FactorizedReadout", "readout.factorized.KlindtReadoutWrapper3D",
        "readout.linear_nonlinear_poison.LNPReadout", "readout.spatial_contrast_model_readout.SpatialContrastReadout",
        "readout.spatial_contrast_model_readout.MultiSpatialContrastReadout",
        "readout.multi_readout.MultiGaussianMaskReadout", "readout.multi_readout.MultiGaussianReadoutWrapper",
        "readout.multi_readout.MultiFactorizedReadout", "readout.multi_readout.MultiSampledGaussianReadout",
        "readout.multi_readout.MultipleLNPReadout"}},
      {"loss",
       {"losses.poisson.PoissonLoss3d", "losses.PoissonLoss3d", "losses.poisson.L1PoissonLoss3d",
        "losses.poisson.CelltypePoissonLoss3d", "losses.correlation.CorrelationLoss3d", "losses.CorrelationLoss3d",
        "losses.correlation.CelltypeCorrelationLoss3d", "losses.correlation.L1CorrelationLoss3d",
        "losses.correlation.ScaledCorrelationLoss3d", "losses.mse.MSE3d", "losses.MSE3d", "measures.PoissonLoss3d",
        "measures.CelltypePoissonLoss3d", "measures.StandardPoissonLoss3d", "measures.CorrelationLoss3d",
        "measures.CelltypeCorrelationLoss3d", "measures.L1CorrelationLoss3d", "measures.ScaledCorrelationLoss3d",
        "measures.MSE3d"}}};
  if (plugins.files().size() < 19) SKIP("some plugins were removed from this tree");
  for (const auto& [kind, names] : parts) {
    for (const auto& name : names) CHECK_NOTHROW(plugins.find("openretina.modules." + name, kind));
  }
  const auto& models = openretina::whole_models();
  for (const std::string name :
       {"core_readout.BaseCoreReadout", "core_readout.UnifiedCoreReadout", "core_readout.ExampleCoreReadout",
        "UnifiedCoreReadout", "ExampleCoreReadout", "linear_nonlinear.SingleCellSeparatedLNP",
        "spatial_contrast.SingleCellSpatialContrast", "SingleCellSpatialContrast",
        "spatial_contrast.SpatialContrastCoreReadout"}) {
    INFO(name);
    CHECK(std::find(models.begin(), models.end(), "openretina.models." + name) != models.end());
  }
}

TEST_CASE("a whole model by name is trained, scored and read again") {
  for (const std::string plugin : {"identity", "separable_lnp", "poisson", "correlation"}) {
    if (!std::filesystem::exists(std::string(PLUGIN_DIR) + "/" + plugin + ".plexiform.so"))
      SKIP("needs the plugin '" << plugin << "', which was removed from this tree");
  }
  const Folder folder;
  const std::string data = folder / "data", trained = folder / "run";
  REQUIRE(run({"create-data", data, "--frames=1500", "--test-frames=150", "--sessions=1"}, folder / "log").code == 0);
  const Ran ran = run({"train", "--config-name=quickstart", "paths.data_dir=" + data, "hydra.run.dir=" + trained,
                       "model=single_cell_lnp", "model.spat_kernel_size=[7,7]", "+model.temporal_kernel_size=10",
                       "trainer.max_epochs=1", "+trainer.limit_train_batches=3"},
                      folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  CHECK(run({"evaluate", trained}, folder / "log").code == 0);
}

TEST_CASE("an experiment whose model points at an optimizer that it does not name trains by its own command") {
  for (const std::string plugin : {"identity", "lnp", "poisson", "correlation"}) {
    if (!std::filesystem::exists(std::string(PLUGIN_DIR) + "/" + plugin + ".plexiform.so"))
      SKIP("needs the plugin '" << plugin << "', which was removed from this tree");
  }
  const Folder folder;
  const std::string data = folder / "data";
  REQUIRE(run({"create-data", data, "--layout=hoefling_2024_low_res", "--sessions=1"}, folder / "log").code == 0);
  const auto ran =
      run({"train", "--config-name=hoefling_2024_core_readout_low_res_lnp", "paths.movies_path=" + data + "/movies.pkl",
           "paths.responses_path=" + data + "/responses.h5", "--dry-run"},
          folder / "log");
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.find("note: optimizer: the config names none, adamw is used\n") != std::string::npos);
  CHECK(ran.output.find("note: lr_scheduler: the config names none, reduce_lr_on_plateau is used\n") !=
        std::string::npos);
}

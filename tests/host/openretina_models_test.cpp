// openretina's whole models by name, as compositions.
#include <config/compose.h>
#include <openretina/models.h>
#include <plugins/catalogue.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;

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

// openretina 1.1.1's cores, readouts, losses and whole models, each under all its names.
TEST_CASE("every name of openretina's models and of their parts means something here") {
  auto plugins = plugins::Catalogue::discover({{}, {PLUGIN_DIR}}, plugins::Cache(""));
  const std::pair<const char*, std::vector<std::string>> parts[] = {
      {"core",
       {"modules.core.base_core.SimpleCoreWrapper", "modules.core.base_core.DummyCore",
        "modules.core.gru_core.ConvGRUCore", "modules.core.gru_core.ConditionedGRUCore",
        "legacy.models.ParametricFactorizedBatchConv3dCore",
        "hoefling_2024.models.ParametricFactorizedBatchConv3dCore"}},
      {"readout",
       {"modules.readout.base.ClonedReadout", "modules.readout.factorized_gaussian.GaussianMaskReadout",
        "modules.readout.gaussian.PointGaussianReadout", "modules.readout.gaussian.FullGaussian2d",
        "modules.readout.factorized.FactorizedReadout", "modules.readout.factorized.KlindtReadoutWrapper3D",
        "modules.readout.linear_nonlinear_poison.LNPReadout",
        "modules.readout.spatial_contrast_model_readout.SpatialContrastReadout",
        "modules.readout.spatial_contrast_model_readout.MultiSpatialContrastReadout",
        "modules.readout.multi_readout.MultiGaussianMaskReadout",
        "modules.readout.multi_readout.MultiGaussianReadoutWrapper",
        "modules.readout.multi_readout.MultiFactorizedReadout",
        "modules.readout.multi_readout.MultiSampledGaussianReadout", "modules.readout.multi_readout.MultipleLNPReadout",
        "legacy.models.SpatialXFeature3d", "legacy.models.SpatialXFeature3dReadout",
        "hoefling_2024.models.SpatialXFeature3d", "models.sparse_autoencoder.Autoencoder"}},
      {"loss",
       {"modules.losses.poisson.PoissonLoss3d",
        "modules.losses.PoissonLoss3d",
        "modules.losses.poisson.L1PoissonLoss3d",
        "modules.losses.poisson.CelltypePoissonLoss3d",
        "modules.losses.correlation.CorrelationLoss3d",
        "modules.losses.CorrelationLoss3d",
        "modules.losses.correlation.CelltypeCorrelationLoss3d",
        "modules.losses.correlation.L1CorrelationLoss3d",
        "modules.losses.correlation.ScaledCorrelationLoss3d",
        "modules.losses.mse.MSE3d",
        "modules.losses.MSE3d",
        "modules.measures.PoissonLoss3d",
        "modules.measures.CelltypePoissonLoss3d",
        "modules.measures.StandardPoissonLoss3d",
        "modules.measures.CorrelationLoss3d",
        "modules.measures.CelltypeCorrelationLoss3d",
        "modules.measures.L1CorrelationLoss3d",
        "modules.measures.ScaledCorrelationLoss3d",
        "modules.measures.MSE3d",
        "models.sparse_autoencoder.SparsityMSELoss"}}};
  need_plugins({"simple", "conv_gru", "identity", "gaussian_mask", "point_gaussian", "factorized", "lnp",
                "separable_lnp", "spatial_contrast", "sparse_autoencoder", "poisson", "correlation", "mse"});
  for (const auto& [kind, names] : parts) {
    for (const auto& name : names) {
      INFO(name);
      const auto model = expanded(std::string(kind) + ": {_target_: openretina." + name + "}\n");
      CHECK_NOTHROW(plugins.find(model.at(kind).at("_target_"), kind));
    }
  }
  const std::pair<const char*, const char*> models[] = {
      // and arguments without which there is none
      {"models.core_readout.BaseCoreReadout", "core: {_target_: a}, readout: {_target_: b}, "},
      {"models.core_readout.UnifiedCoreReadout", "core: {_target_: a}, readout: {_target_: b}, "},
      {"models.UnifiedCoreReadout", "core: {_target_: a}, readout: {_target_: b}, "},
      {"legacy.models.Encoder", "core: {_target_: a}, readout: {_target_: b}, "},
      {"legacy.models.LocalEncoder", "core: {_target_: a}, readout: {_target_: b}, "},
      {"models.core_readout.ExampleCoreReadout",
       "hidden_channels: [4], temporal_kernel_sizes: [5], spatial_kernel_sizes: [5], "},
      {"models.ExampleCoreReadout", "hidden_channels: [4], temporal_kernel_sizes: [5], spatial_kernel_sizes: [5], "},
      {"models.linear_nonlinear.SingleCellSeparatedLNP", ""},
      {"models.spatial_contrast.SingleCellSpatialContrast", ""},
      {"models.SingleCellSpatialContrast", ""},
      {"models.sparse_autoencoder.Autoencoder", "hidden_dim: 8, loss: {_target_: a}, "},
      {"models.spatial_contrast.SpatialContrastCoreReadout", ""},
      {"legacy.models.SFB3d_core_SxF3d_readout", "gaussian_masks: true, "},
      {"hoefling_2024.models.SFB3d_core_SxF3d_readout", "gaussian_masks: true, "}};
  for (const auto& [name, arguments] : models) {
    INFO(name);
    const auto model =
        expanded("{_target_: openretina." + std::string(name) + ", " + arguments + "in_shape: [1, 30, 20, 20]}");
    CHECK(model.contains("core"));
    CHECK(model.contains("readout"));
  }
}

TEST_CASE("a name of openretina's that is no part of a model says why") {
  const std::pair<const char*, const char*> absent[] = {
      {"modules.core.base_core.Core", "is an abstract class"},
      {"modules.core.base_core.Core3d", "is an abstract class"},
      {"modules.readout.base.Readout", "is an abstract class"},
      {"modules.readout.multi_readout.MultiReadoutBase", "is an abstract class"},
      {"modules.layers.EnsembleModel", "is made of models that are trained already"},
      {"modules.layers.ensemble.EnsembleModel", "is made of models that are trained already"},
      {"modules.layers.convolutions.TorchFullConv3D", "is a layer"},
      {"modules.layers.gru.GRU_Module", "is a layer"},
      {"modules.layers.FlatLaplaceL23dnorm", "is a layer"},
      {"modules.nonlinearities.ParametrizedELU", "is a layer"},
      {"models.sparse_autoencoder.ActivationsDataset", "is how a script hands activity to openretina's trainer"},
      {"models.sparse_autoencoder.AutoencoderWithModel", "is two trained models, one behind the other"},
      {"models.dev.Encoder", "is unfinished"},
      {"legacy.dev_models.GRUEnabledCore", "is unfinished"}};
  for (const auto& [name, why] : absent) {
    const std::string target = std::string("openretina.") + name, begin = "'" + target + "' " + why;
    for (const std::string& model : {"_target_: " + target, "core: {_target_: " + target + "}",
                                     "readout: {_target_: " + target + "}", "loss: {_target_: " + target + "}"}) {
      INFO(model);
      CHECK_THROWS_WITH(expanded(model + "\n"), ContainsSubstring(begin) && ContainsSubstring("fix: "));
    }
  }
}

TEST_CASE("openretina's autoencoder trains with Adam at its rate, its sparsity beside the features") {
  auto root = config::parse_yaml(
      "model:\n"
      "  _target_: openretina.models.sparse_autoencoder.Autoencoder\n"
      "  input_dim: 5\n"
      "  hidden_dim: 40\n"
      "  loss: {_target_: openretina.models.sparse_autoencoder.SparsityMSELoss, sparsity_factor: 0.02}\n",
      "test.yaml");
  openretina::expand(root);
  const auto config = config::to_json(root);
  CHECK(config.at("model").at("loss") ==
        config::Json{{"_target_", "openretina.models.sparse_autoencoder.SparsityMSELoss"}});
  CHECK(config.at("model").at("readout") ==
        config::Json{{"_target_", "openretina.models.sparse_autoencoder.Autoencoder"},
                     {"input_dim", 5},
                     {"hidden_dim", 40},
                     {"sparsity_factor", 0.02}});
  CHECK(config.at("optimizer") == config::Json{{"_target_", "torch.optim.Adam"}, {"lr", 0.0005}});
  CHECK(!config.contains("lr_scheduler"));
}

TEST_CASE("a legacy model's arguments are those of its core and readout, up to the layer that the readout sees") {
  const std::string function =
      "_target_: nnfabrik_euler.models.models.SFB3d_core_SxF3d_readout\nin_shape: [2, 50, 18, 16]\n";
  const std::string two =
      "hidden_channels: [16, 8]\ntemporal_kernel_size: [21, 11]\nspatial_kernel_size: [11, 4]\nlayers: 2\n";
  const auto model = expanded(function + two + "stack: -1\ngaussian_masks: true\ngamma_readout: 0.4\nmomentum: 0.2\n");
  const auto& core = model.at("core");
  CHECK(core.at("channels") == config::Json{2, 16, 8});
  CHECK(core.at("temporal_kernel_sizes") == config::Json{21, 11});
  CHECK(core.at("hidden_padding") == config::Json{{0, 2, 2}});
  CHECK(core.at("batch_norm_momentum") == 0.2);
  CHECK(core.at("bias") == false);
  CHECK(!core.contains("stack"));
  CHECK(model.at("readout").at("feature_weights_l1_reg") == 0.4);
  const auto first = expanded(function + two + "stack: [0]\ngaussian_masks: true\ninput_padding: true\n").at("core");
  CHECK(first.at("channels") == config::Json{2, 16});
  CHECK(first.at("input_padding") == config::Json{0, 5, 5});

  const auto refused = [&](const std::string& arguments, const std::string& why) {
    CHECK_THROWS_WITH(expanded(function + two + arguments), ContainsSubstring(why));
  };
  refused("gaussian_masks: true\n", "model.core.stack: asks for the maps of all 2 layers");
  refused("gaussian_masks: true\nstack: [0, 1]\n", "model.core.stack: names several layers");
  refused("gaussian_masks: true\nstack: 2\n", "model.core.stack: names no layer");
  refused("stack: 1\n", "model.readout.gaussian_masks: is false: free masks");
  refused("gaussian_masks: true\nstack: 1\nbatch_norm_scale: true\n",
          "scales bins of hidden layers instead of channels");
}

TEST_CASE("a whole model by name is trained, scored and read again") {
  need_plugins({"identity", "separable_lnp", "poisson", "correlation"});
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
  need_plugins({"identity", "lnp", "poisson", "correlation"});
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

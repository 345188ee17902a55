// openretina's ensembles of 2024.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <model/safetensors.h>
#include <openretina/export.h>
#include <openretina/legacy_import.h>
#include <plexiform/host/trained_model.h>
#include <plexiform/torch_file.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <map>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using namespace std::string_literals;

namespace fs = std::filesystem;

namespace {

const std::string ensembles = TEST_DATA "/openretina/";

void need_its_plugins() { need_plugins({"conv_gru", "gaussian_mask", "poisson", "correlation"}); }

plugins::Catalogue catalogue() { return plugins::Catalogue::discover({{}, {PLUGIN_DIR}}, plugins::Cache("")); }

double difference(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

}  // namespace

TEST_CASE("a legacy ensemble's members predict what openretina's predict, each session at its speed") {
  const std::string name = GENERATE("legacy", "legacy_first_layer");
  INFO(name);
  need_its_plugins();
  auto plugins = catalogue();
  const auto members = openretina::import_legacy(ensembles + name, {}, plugins);
  const auto expected = model::read_safetensors(ensembles + name + ".safetensors").tensors;
  REQUIRE(members.size() == 2);
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < members.size(); ++i) {
    const auto& model = members[i].model;
    REQUIRE(model.heads.size() == 2);
    CHECK(model.heads[0].session == "1_dorsal");
    CHECK(model.window.text() == Shape{2, 14, 9, 8}.text());
    for (size_t session = 0; session < 2; ++session) {
      const auto key = "member." + std::to_string(i) + "." + model.heads[session].session;
      INFO(key);
      CHECK(difference(model.forward(find(expected, "clip"), session), find(expected, key)) < 1e-5);
    }
  }
}

TEST_CASE("a legacy ensemble is imported as an ensemble, which predicts the mean") {
  need_its_plugins();
  const Folder folder;
  const std::string made = folder / "ensemble";
  const Ran ran = run({"import", ensembles + "legacy", "-o", made}, folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.output, EndsWith("model: " + made + " of 2 members\n"));
  CHECK_THAT(ran.output,
             ContainsSubstring("readout.1_dorsal.scale") && ContainsSubstring("to readout.1_dorsal.scale_param"));
  const host::TrainedModel model(made, {{}, {PLUGIN_DIR}});
  CHECK(model.members() == 2);
  const auto expected = model::read_safetensors(ensembles + "legacy.safetensors").tensors;
  for (const std::string session : {"1_dorsal", "2_ventral1"}) {
    CHECK(difference(model.predict(find(expected, "clip"), session), find(expected, "prediction." + session)) < 1e-5);
  }
}

TEST_CASE("a member of a legacy ensemble goes back with its keys, shapes and values") {
  need_its_plugins();
  auto plugins = catalogue();
  const auto member = std::move(openretina::import_legacy(ensembles + "legacy", {}, plugins).front());
  const Folder folder;
  model::write_bundle(folder / "model", member.model, member.config, member.config, member.data, {});
  const auto exported =
      openretina::export_state(model::read_bundle(folder / "model", plugins), folder / "model", plugins);
  CHECK(exported.core == "openretina.legacy.models.ParametricFactorizedBatchConv3dCore");
  CHECK(exported.notes.empty());
  openretina::write_state_dict(folder / "state.pt", exported.state);
  if (const char* keep = std::getenv("PLEXIFORM_KEEP_EXPORTS"))  // for data/openretina/check_exports.py
    fs::copy_file(folder / "state.pt", std::string(keep) + "/legacy.pt");
  std::map<std::string, at::Tensor> written;
  for (const auto& [name, tensor] : exported.state) written[name] = tensor;
  size_t keys = 0;
  for (const auto& [name, tensor] : model::read_safetensors(ensembles + "legacy.safetensors").tensors) {
    if (!name.starts_with("state.0.")) continue;
    INFO(name);
    ++keys;
    REQUIRE(written.contains(name.substr(8)));
    CHECK((written[name.substr(8)] - tensor).abs().max().item<double>() < 1e-6);
  }
  CHECK(written.size() == keys);
}

TEST_CASE("layers that no readout sees are left, and said to be") {
  need_its_plugins();
  auto plugins = catalogue();
  const auto member = std::move(openretina::import_legacy(ensembles + "legacy_first_layer", {}, plugins).front());
  size_t left = 0;
  for (const auto& fate : member.tensors) left += fate.detail == "of a layer that no readout sees";
  CHECK(left == 11);
  CHECK(member.model.features.channels == 3);
}

TEST_CASE("what is wrong with a legacy ensemble is said with its file") {
  need_its_plugins();
  auto plugins = catalogue();
  const Folder folder;
  const auto copy = [&](const std::string& name) {
    const std::string to = folder / name;
    fs::copy(ensembles + "legacy", to);
    return to;
  };
  const auto refused = [&](const std::string& at, const std::vector<std::string>& overrides, const std::string& begin) {
    CHECK_THROWS_WITH(openretina::import_legacy(at, overrides, plugins), ContainsSubstring(begin));
  };
  const std::string missing = copy("missing");
  fs::remove(missing + "/data_info_01000.pkl");
  refused(missing, {}, missing + "/data_info_01000.pkl: is not there, but config_01000.yaml is");
  fs::create_directory(folder / "empty");
  refused(folder / "empty", {}, "has no config_00000.yaml or the like");
  const std::string other = copy("other"), config = other + "/config_00000.yaml";
  std::string text = content(config);
  text.replace(text.find("SFB3d_core_SxF3d_readout"), 24, "SFB3d_core_gaussian_readout");
  std::ofstream(config) << text;
  refused(other, {}, "model_fn: is nnfabrik_euler.models.models.SFB3d_core_gaussian_readout, which is not known here");
  refused(ensembles + "legacy", {"gaussian_masks=false"}, "is false: free masks");
  refused(ensembles + "legacy", {"stack=null"}, "asks for the maps of all 2 layers");
  refused(ensembles + "legacy", {"conv_type=full"}, "only models with custom_separable were published so");
  refused(ensembles + "legacy", {"hidden_channels=[3,4]"}, "state_dict_00000.pth.tar: '");
  const std::string wicked = copy("wicked");
  std::ofstream(wicked + "/data_info_00000.pkl", std::ios::binary)
      << "\x80\x02"s + "cposix\nsystem\nX\x0f\0\0\0touch was_run_2\x85R."s;
  refused(wicked, {}, "would have Python call posix.system");
  const Ran ran = run({"import", missing, "-o", folder / "made"}, folder / "log");
  CHECK(ran.code == 1);
  CHECK(!fs::exists(folder / "made"));
}

// Checkpoints of openretina 1.1.1 (data/openretina/make_checkpoints.py), imported, and exported again.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <model/safetensors.h>
#include <openretina/export.h>
#include <openretina/import.h>
#include <openretina/names.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <map>
#include <set>

#include "../command.h"
#include "../folder.h"

using namespace plexiform;

namespace {

const std::string checkpoints = TEST_DATA "/openretina/";

struct Case {
  std::string name;
  std::vector<std::string> plugins, overrides = {};
};

// Every class of openretina's that is trained, with each core, convolution and readout.
const std::vector<Case> cases = {
    {"gaussian_mask", {"simple", "gaussian_mask"}},
    {"gaussian_mask_fixed", {"simple", "gaussian_mask"}},
    {"point_gaussian", {"simple", "point_gaussian"}},
    {"factorized", {"simple", "factorized"}},
    {"lnp", {"identity", "lnp"}},
    {"squashed", {"simple", "gaussian_mask"}},
    {"gru", {"conv_gru", "gaussian_mask"}},
    {"conditioned_gru", {"conv_gru", "gaussian_mask"}},
    {"example", {"simple", "gaussian_mask"}},
    {"base", {"simple", "gaussian_mask"}},
    {"separated_lnp", {"identity", "separable_lnp"}, {"in_shape=[2,5,8,6]", "rf_location=[4,3]"}},
    {"separated_lnp_plain", {"identity", "separable_lnp"}, {"normalize_weights=false"}},
    {"spatial_contrast", {"identity", "spatial_contrast"}},
    {"single_contrast", {"identity", "spatial_contrast"}},
    {"single_contrast_cropped", {"identity", "spatial_contrast"}, {"rf_location=[4,3]"}},
};

plugins::Catalogue catalogue() { return plugins::Catalogue::discover({{}, {PLUGIN_DIR}}, plugins::Cache("")); }

void need(const Case& one) {
  auto wanted = one.plugins;
  wanted.insert(wanted.end(), {"poisson", "correlation"});
  for (const auto& plugin : wanted) {
    if (!std::filesystem::exists(std::string(PLUGIN_DIR) + "/" + plugin + ".plexiform.so"))
      SKIP("needs the plugin '" << plugin << "', which was removed from this tree");
  }
}

openretina::Imported import(const Case& one) {
  auto plugins = catalogue();
  return openretina::import_checkpoint(checkpoints + one.name + ".ckpt", one.overrides, plugins);
}

std::map<std::string, at::Tensor> reference(const Case& one) {
  std::map<std::string, at::Tensor> all;
  for (const auto& [name, tensor] : model::read_safetensors(checkpoints + one.name + ".safetensors").tensors)
    all[name] = tensor;
  return all;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

const Case& named(const std::string& name) {
  return *std::find_if(cases.begin(), cases.end(), [&](const Case& one) { return one.name == name; });
}

}  // namespace

TEST_CASE("an imported checkpoint predicts what openretina predicts") {
  const auto& one = GENERATE_REF(from_range(cases));
  INFO(one.name);
  need(one);
  const auto imported = import(one);
  auto expected = reference(one);
  const at::NoGradGuard no_grad;
  REQUIRE(!imported.model.heads.empty());
  for (size_t i = 0; i < imported.model.heads.size(); ++i) {
    const auto& session = imported.model.heads[i].session;
    INFO(session);
    CHECK(difference(imported.model.forward(expected.at("clip"), i), expected.at("prediction." + session)) < 1e-5);
  }
}

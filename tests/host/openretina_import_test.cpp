// Checkpoints of openretina 1.1.1 (data/openretina/make_checkpoints.py), imported, and exported again.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <model/safetensors.h>
#include <openretina/export.h>
#include <openretina/import.h>
#include <plexiform/torch_file.h>
#include <training/optimizer.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <cstdlib>
#include <map>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

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
    {"autoencoder", {"identity", "sparse_autoencoder", "mse"}},
};

plugins::Catalogue catalogue() { return plugins::Catalogue::discover({{}, {PLUGIN_DIR}}, plugins::Cache("")); }

void need(const Case& one) {
  auto wanted = one.plugins;
  wanted.insert(wanted.end(), {"poisson", "correlation"});
  need_plugins(wanted);
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

TEST_CASE("each tensor of a checkpoint is taken, renamed, or left for a reason") {
  need(named("gru"));
  std::map<std::string, openretina::Fate> fates;
  for (const auto& fate : import(named("gru")).tensors) fates[fate.name] = fate;
  CHECK(fates.at("core.features.layer0.conv.sin_weights").what == openretina::Fate::taken);
  CHECK(fates.at("core._input_weights_regularizer_spatial.laplace.filter").detail == "a constant");
  CHECK(fates.at("core.features.layer1.conv.log_speed_a").detail == "a copy of core.log_speed_a");
  CHECK(fates.at("readout.a.grid").what == openretina::Fate::left);
  CHECK(fates.size() == 54);
}

TEST_CASE("what a checkpoint says of the data is in the bundle: sessions in order, normalisation, frame rate") {
  need(named("gaussian_mask"));
  const auto data = import(named("gaussian_mask")).data;
  REQUIRE(data.sessions.size() == 2);
  CHECK(data.sessions[0].name == "a");
  CHECK(data.sessions[1].neurons == 3);
  CHECK(data.sessions[1].frame_rate_hz == 30);
  CHECK(data.mean == 37.2);
  CHECK(data.std == 11.5);
}

TEST_CASE("an exported model has openretina's keys, shapes and values") {
  const auto& one = GENERATE_REF(from_range(cases));
  INFO(one.name);
  need(one);
  const auto imported = import(one);
  const Folder folder;
  model::write_bundle(folder / "model", imported.model, imported.config, imported.config, imported.data, {});
  auto plugins = catalogue();
  const auto bundle = model::read_bundle(folder / "model", plugins);
  const auto exported = openretina::export_state(bundle, folder / "model", plugins);
  CHECK(exported.notes.empty());
  openretina::write_state_dict(folder / "state.pt", exported.state);
  if (const char* keep = std::getenv("PLEXIFORM_KEEP_EXPORTS"))  // for data/openretina/check_exports.py
    std::filesystem::copy_file(folder / "state.pt", std::string(keep) + "/" + one.name + ".pt");

  std::map<std::string, at::Tensor> written;
  for (const auto& [name, tensor] : read_state_dict(folder / "state.pt")) written[name] = tensor;
  size_t keys = 0;
  for (const auto& [name, tensor] : reference(one)) {
    if (!name.starts_with("state.")) continue;
    ++keys;
    const std::string key = name.substr(6);
    INFO(key);
    REQUIRE(written.contains(key));
    if (one.name == "single_contrast_cropped" && key == "spatial_filter") continue;  // it is of the whole frame now
    REQUIRE(written[key].sizes() == tensor.sizes());
    CHECK(written[key].scalar_type() == tensor.scalar_type());
    if (one.name == "spatial_contrast" && key.ends_with(".bias")) continue;  // openretina does not read it
    CHECK((written[key] - tensor).abs().max().item<double>() < 1e-6);
  }
  CHECK(written.size() == keys);
}

TEST_CASE("ten training steps from a checkpoint are openretina's") {
  const auto& one = GENERATE(as<std::string>(), "gaussian_mask", "gru", "lnp", "example");
  INFO(one);
  need(named(one));
  const auto imported = import(named(one));
  const auto& model = imported.model;
  model.train(true);
  const auto count = [](int64_t n) { return at::arange(n, at::kDouble); };
  const auto i = count(2 * 60 * 8 * 6);
  const auto movie = ((0.11 * i).sin() + 0.5 * (0.037 * i * i).cos()).to(at::kFloat).view({2, 60, 8, 6});
  auto optimizer = training::make_optimizer("torch.optim.AdamW", {{"lr", 0.003}}, model.parameters());
  auto expected = model::read_safetensors(checkpoints + "ten_steps_" + one + ".safetensors").tensors;
  for (int64_t step = 0; step < 10; ++step) {
    const auto session = static_cast<size_t>(step % 2);
    const int64_t neurons = model.heads[session].neurons;
    const auto responses = (1 + (0.3 * count(60 * neurons)).sin()).to(at::kFloat).view({60, neurons});
    std::vector<at::Tensor> clips, targets;
    for (const int64_t start : {3 * step, 3 * step + 20}) {
      clips.push_back(movie.slice(1, start, start + 12));
      targets.push_back(responses.slice(0, start, start + 12));
    }
    auto loss = model.loss_of(model.forward(at::stack(clips), session), at::stack(targets), session);
    loss = loss + model.core_penalty() + model.readout_penalty(session);
    model.backward(loss);
    optimizer->step();
    optimizer->zero_grad();
    model.project();
    const double there = find(expected, "losses")[step].item<double>();
    CHECK(std::abs(loss.item<double>() - there) < 1e-4 * std::abs(there));
  }
  for (const auto& [name, tensor] : model.state()) {
    INFO(name);
    const auto there = find(expected, "state." + name);
    REQUIRE(there.defined());
    if (tensor.is_floating_point()) CHECK(difference(tensor.detach(), there) < 1e-4);
  }
}

TEST_CASE("what is wrong with a checkpoint is said, and nothing is written") {
  need(named("gaussian_mask"));
  auto plugins = catalogue();
  const auto refused = [&](const std::string& name, const std::vector<std::string>& overrides, const std::string& why) {
    CHECK_THROWS_WITH(openretina::import_checkpoint(name, overrides, plugins), name + why);
  };
  const std::string whole = checkpoints + "gaussian_mask.ckpt";
  refused(checkpoints + "wicked.ckpt", {},
          ": names posix.system, which no checkpoint of openretina is made of\n"
          "  fix: do not open it with anything that unpickles: loading it would run that. Nothing was run here");
  CHECK(!std::filesystem::exists("was_run"));
  refused(
      checkpoints + "unknown.ckpt", {},
      ": its model is of no class that is known: it was built from width, depth\n"
      "  fix: give a checkpoint of openretina's core + readout, LNP, spatial contrast or sparse autoencoder models");
  refused(whole, {"core.temporal_kernel_sizes=[9,3]"},
          ": 'core.features.layer0.conv.sin_weights' is (2, 2, 2), the model of its arguments has (2, 2, 3)\n"
          "  fix: correct the argument that brings it on the command line: KEY=VALUE");
  refused(
      whole, {"core.convolution_type=full"},
      ": has no tensor 'core.features.layer0.conv.conv.weight' (2, 2, 7, 3, 3), which the model of its arguments has\n"
      "  fix: use a whole checkpoint, or correct the argument that brings it on the command line: KEY=VALUE");
  refused(whole, {"readout.scale=false"},
          ": 'readout.b.scale_param' is not what openretina computes it to be\n"
          "  fix: use the checkpoint as openretina wrote it");
  refused(
      whole, {"core.kernel=3"},
      ": command line, argument 1: model.core.kernel: no such parameter\n  fix: did you mean 'spatial_kernel_sizes'?");

  const Folder folder;
  const std::string bytes = content(whole);
  for (const size_t size : {bytes.size() / 2, bytes.size() - 30, size_t{10}}) {
    std::ofstream(folder / "part.ckpt", std::ios::binary) << bytes.substr(0, size);
    CHECK_THROWS_AS(openretina::import_checkpoint(folder / "part.ckpt", {}, plugins), Error);
    const Ran ran = run({"import", folder / "part.ckpt", "-o", folder / "model"}, folder / "out");
    CHECK(ran.code == 1);
    CHECK(ran.output.find("part.ckpt: ") != std::string::npos);
    CHECK(ran.output.find("fix: ") != std::string::npos);
    CHECK(!std::filesystem::exists(folder / "model"));
  }
}

TEST_CASE("the commands import and export a model") {
  need(named("separated_lnp"));
  const Folder folder;
  const std::string model = folder / "model", state = folder / "state.pt";
  const std::vector<std::string> import_it = {
      "import", checkpoints + "separated_lnp.ckpt", "rf_location=[4,3]", "in_shape=[2,5,8,6]", "-o", model};
  const Ran imported = run(import_it, folder / "out");
  INFO(imported.output);
  CHECK(imported.code == 0);
  CHECK(
      imported.output.find("nonlinearity.b                      renamed: to readout.neuron.output.nonlinearity.b\n") !=
      std::string::npos);
  CHECK(imported.output.find("openretina.models.linear_nonlinear.SingleCellSeparatedLNP: 0 tensors taken, 4 renamed, "
                             "2 left\n") != std::string::npos);
  const Ran again = run(import_it, folder / "out");
  CHECK(again.code == 1);
  CHECK(again.output.find(model + ": is there already") != std::string::npos);
  CHECK(run({"export", model, "-o", state}, folder / "out").code == 0);
  CHECK(read_state_dict(state).size() == 6);
  CHECK(run({"export", model, "-o", state}, folder / "out").output.find("is there already") != std::string::npos);
  CHECK(run({"import", checkpoints + "lnp.ckpt"}, folder / "out").code == 2);  // -o is missing
}

namespace {

// A Python that has the packages, or "".
std::string python_with(const std::string& packages) {
  for (const std::string python : {TEST_PYTHON, "python3"}) {
    if (std::system((python + " -c 'import " + packages + "' 2>/dev/null").c_str()) == 0) return python;
  }
  return "";
}

std::string printed(const std::string& command) {
  const Folder folder;
  REQUIRE(std::system((command + " > " + (folder / "out")).c_str()) == 0);
  return content(folder / "out");
}

}  // namespace

TEST_CASE("Python's torch.load reads an exported state dict as weights only") {
  const std::string python = python_with("torch");
  if (python.empty()) SKIP("no Python with PyTorch here");
  const Folder folder;
  const auto weight = at::arange(6.0f).view({2, 3});
  openretina::write_state_dict(folder / "state.pt", {{"a.weight", weight.t()}, {"b.count", at::arange(3).sum()}});
  std::ofstream(folder / "read.py") << "import sys, torch\n"
                                       "for name, x in torch.load(sys.argv[1], weights_only=True).items():\n"
                                       "    print(name, x.dtype, x.tolist())\n";
  CHECK(printed(python + " " + (folder / "read.py") + " " + (folder / "state.pt")) ==
        "a.weight torch.float32 [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]\nb.count torch.int64 3\n");
}

TEST_CASE("Python reads a bundle in three lines") {
  need(named("lnp"));
  const Folder folder;
  const auto imported = import(named("lnp"));
  model::write_bundle(folder / "model", imported.model, imported.config, imported.config, imported.data, {});
  const std::string shape = "(2, 2, 1, 8, 6)";
  const std::string with_package = python_with("safetensors.torch");
  if (!with_package.empty()) {
    std::ofstream(folder / "read.py") << "import json, sys, safetensors.torch\n"
                                         "about = json.load(open(sys.argv[1] + '/model.json'))\n"
                                         "weights = safetensors.torch.load_file(sys.argv[1] + '/model.safetensors')\n"
                                         "print(about['sessions'][0]['name'], "
                                         "tuple(weights['readout.a.inner_product_kernel.weight'].shape))\n";
    CHECK(printed(with_package + " " + (folder / "read.py") + " " + (folder / "model")) == "a " + shape + "\n");
    return;
  }
  const std::string python = python_with("json");
  if (python.empty()) SKIP("no Python here");
  std::ofstream(folder / "read.py")  // without the package, the header by hand
      << "import json, struct, sys\n"
         "about = json.load(open(sys.argv[1] + '/model.json'))\n"
         "with open(sys.argv[1] + '/model.safetensors', 'rb') as file:\n"
         "    header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))\n"
         "print(about['sessions'][0]['name'], tuple(header['readout.a.inner_product_kernel.weight']['shape']))\n";
  CHECK(printed(python + " " + (folder / "read.py") + " " + (folder / "model")) == "a " + shape + "\n");
}

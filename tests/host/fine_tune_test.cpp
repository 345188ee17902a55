// Sessions that join a trained model, and sessions with a loss of their own.
#include <ATen/ops/equal.h>
#include <model/safetensors.h>
#include <plexiform/host/experiment.h>
#include <plexiform/host/trained_model.h>
#include <simulation/retina.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>

#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform::host;
using Catch::Matchers::ContainsSubstring;
using plexiform::Error;

namespace {

// The same retina with one, two or three sessions: the first ones are alike.
const std::string& recording(int sessions) {
  static const Folder folder;
  static std::map<int, std::string> made;
  auto& data = made[sessions];
  if (data.empty()) {
    data = folder / std::to_string(sessions);
    plexiform::simulation::write_retina(
        data, {.sessions = sessions, .neurons = 3, .frames = 2000, .test_frames = 200, .repeats = 2});
  }
  return data;
}

struct Watch : Observer {
  std::string notes;
  Json last;
  Next epoch_done(const Epoch& epoch) override {
    last = epoch.metrics;
    return Next::go_on;
  }
  void note(const std::string& text) override { notes += text + "\n"; }
};

Result train(const std::string& folder, int sessions, std::vector<std::string> more, Watch& watch) {
  more.insert(more.begin(),
              {"paths.data_dir=" + recording(sessions), "model.hidden_channels=[2]", "trainer.max_epochs=2",
               "+trainer.limit_train_batches=6", "~training_callbacks.early_stopping"});
  return Experiment({"quickstart", more, {}, folder, {{}, {PLUGIN_DIR}}}).train(watch);
}
Result train(const std::string& folder, int sessions, const std::vector<std::string>& more = {}) {
  Watch watch;
  return train(folder, sessions, more, watch);
}

std::map<std::string, at::Tensor> tensors(const Result& result) {
  std::map<std::string, at::Tensor> all;
  for (const auto& [name, tensor] : plexiform::model::read_safetensors(result.model + "/model.safetensors").tensors) {
    all[name] = tensor;
  }
  return all;
}

bool alike(const std::map<std::string, at::Tensor>& a, const std::map<std::string, at::Tensor>& b,
           const std::string& prefix) {
  bool same = true;
  int compared = 0;
  for (const auto& [name, tensor] : a) {
    if (!name.starts_with(prefix) || !b.contains(name)) continue;
    same = same && at::equal(tensor, b.at(name));
    ++compared;
  }
  return same && compared > 0;
}

}  // namespace

TEST_CASE("a new session joins a trained model whose core stays as it is") {
  need_quickstart_plugins();
  const Folder folder;
  const auto before = train(folder / "before", 2);
  Watch watch;
  const auto after =
      train(folder / "after", 3, {"+paths.load_model_path=" + folder / "before", "+only_train_readout=true"}, watch);
  CHECK_THAT(watch.notes, ContainsSubstring("readouts taken over: retina_1, retina_2; new: retina_3; left out: none"));
  CHECK(alike(tensors(before), tensors(after), "core."));
  CHECK(!alike(tensors(before), tensors(after), "readout.retina_1."));  // it is trained on
  const TrainedModel model(after.model, {{}, {PLUGIN_DIR}});
  CHECK(model.sessions() == std::vector<std::string>{"retina_1", "retina_2", "retina_3"});
  CHECK(model.about().at("metrics").contains("val_loss/retina_3"));
}

TEST_CASE("a session alone can be fitted to a trained core, and a frozen readout is the one that was trained") {
  need_quickstart_plugins();
  const Folder folder;
  const auto before = train(folder / "before", 2);
  Watch watch;
  const auto after =
      train(folder / "after", 1,
            {"+paths.load_model_path=" + before.model, "+frozen=['readout.*']", "trainer.max_epochs=1"}, watch);
  CHECK_THAT(watch.notes, ContainsSubstring("readouts taken over: retina_1; new: none; left out: retina_2"));
  CHECK(alike(tensors(before), tensors(after), "readout.retina_1."));
  CHECK(!alike(tensors(before), tensors(after), "core."));
}

TEST_CASE("a clone is taken over with the readout that it rescales, and not without it") {
  need_plugins({"simple", "gaussian_mask", "cloned", "poisson", "correlation"});
  const Folder folder;
  const std::string clone = "+model.clone={_target_: plexiform.readouts.Cloned}";
  train(folder / "before", 2, {clone});
  const std::vector<std::string> from = {clone, "+paths.load_model_path=" + folder / "before"};
  Watch same;
  train(folder / "same", 2, from, same);
  CHECK_THAT(same.notes, ContainsSubstring("readouts taken over: retina_1, retina_2; new: none"));

  const std::string data = folder / "data";  // the same, under another name
  std::filesystem::copy(recording(2), data, std::filesystem::copy_options::recursive);
  std::filesystem::rename(data + "/retina_1.h5", data + "/retina_0.h5");
  Watch other;
  train(folder / "other", 2, {from[0], from[1], "paths.data_dir=" + data}, other);
  CHECK_THAT(other.notes, ContainsSubstring("readouts taken over: none; new: retina_0, retina_2; left out: retina_1"));
}

TEST_CASE("a fine-tuning that is killed resumes to the same bits") {
  need_quickstart_plugins();
  const Folder folder;
  train(folder / "before", 1);
  const std::vector<std::string> more = {"+paths.load_model_path=" + folder / "before"};
  const auto whole = train(folder / "whole", 2, more);
  struct Suspends : Observer {
    int steps = 0;
    Next step_done(const Step&) override { return ++steps == 8 ? Next::suspend : Next::go_on; }
  } suspends;
  std::vector<std::string> all = {
      "paths.data_dir=" + recording(2), "model.hidden_channels=[2]",          "trainer.max_epochs=2",
      "+trainer.limit_train_batches=6", "~training_callbacks.early_stopping", more[0]};
  Experiment({"quickstart", all, {}, folder / "stopped", {{}, {PLUGIN_DIR}}}).train(suspends);
  const auto resumed = Experiment::resume(folder / "stopped", {{}, {PLUGIN_DIR}}).train();
  CHECK(content(resumed.model + "/model.safetensors") == content(whole.model + "/model.safetensors"));
}

TEST_CASE("what is no trained model, or has another core, is refused before anything is written") {
  need_quickstart_plugins();
  const Folder folder;
  train(folder / "before", 1);
  const auto refusal = [&](const std::vector<std::string>& more) -> std::string {
    try {
      train(folder / "after", 1, more);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK_THAT(refusal({"+paths.load_model_path=" + folder / "nowhere"}), ContainsSubstring("holds no trained model"));
  const std::string from = "+paths.load_model_path=" + folder / "before";
  CHECK_THAT(refusal({from, "model.hidden_channels=[3]"}),
             ContainsSubstring("give model.core what it was trained with"));
  CHECK(!std::filesystem::exists(folder / "after"));
}

TEST_CASE("a session may have a loss of its own, which is logged, trained with and kept in the bundle") {
  need_quickstart_plugins();
  const Folder folder;
  Watch plain, own;
  train(folder / "plain", 2, {}, plain);
  const auto result =
      train(folder / "own", 2,
            {"+model.session_losses={retina_2: {_target_: openretina.modules.losses.poisson.PoissonLoss3d, "
             "avg: false}}"},
            own);
  for (const char* name : {"val_loss", "val_loss/retina_1", "val_loss/retina_2"}) CHECK(plain.last.contains(name));
  // A sum over windows, bins and neurons beside a mean.
  CHECK(own.last.at("val_loss/retina_2").get<double>() > 20 * plain.last.at("val_loss/retina_2").get<double>());
  CHECK(own.last.at("val_loss/retina_1").get<double>() < 20 * plain.last.at("val_loss/retina_1").get<double>());
  const TrainedModel model(result.model, {{}, {PLUGIN_DIR}});
  CHECK(model.about().at("components").back().at("kind") == "session_losses.retina_2");
}

TEST_CASE("a loss for a session that the data do not have is refused with the nearest") {
  need_quickstart_plugins();
  const Folder folder;
  const std::string losses =
      "+model.session_losses={retina_3: {_target_: openretina.modules.losses.poisson.PoissonLoss3d}}";
  CHECK_THROWS_WITH(train(folder / "run", 2, {losses}),
                    ContainsSubstring("the data have no such session") && ContainsSubstring("did you mean"));
  CHECK_THROWS_WITH(train(folder / "run", 2, {"+model.session_losses={retina_2: {_target_: Poison}}"}),
                    ContainsSubstring("model.session_losses.retina_2._target_"));
}

// What the config's `trainer`, `training_callbacks`, `logger`, `frozen` and `optimizer` change in a run.
#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <fmt/format.h>
#include <model/safetensors.h>
#include <plexiform/host/experiment.h>
#include <simulation/retina.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <training/trainer_params.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

#include "../folder.h"
#include "needed_plugins.h"

using namespace plexiform::host;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::WithinAbs;
using plexiform::Error;

namespace {

const std::string& recording() {
  static const Folder folder;
  static const std::string data = [] {
    plexiform::simulation::write_retina(
        folder / "data", {.sessions = 1, .neurons = 3, .frames = 2000, .test_frames = 200, .repeats = 2});
    return folder / "data";
  }();
  return data;
}

// A model of two scales (fixtures/components.cpp): an epoch has 8 batches.
Source tiny(const std::string& folder, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"paths.data_dir=" + recording(), "paths.output_dir=" + folder, "dataloader.batch_size=2",
                             "~trainer.limit_train_batches", "+trainer.limit_train_batches=8"});
  return {TEST_DATA "/fixtures.yaml", more, {}, folder, {{FIXTURE_DIR "/fixture_components.plexiform.so"}}};
}

// The quickstart's convolutions.
Source convolutional(const std::string& folder, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"paths.data_dir=" + recording(), "model.hidden_channels=[2]", "trainer.max_epochs=2",
                             "+trainer.limit_train_batches=4", "~training_callbacks.early_stopping"});
  return {"quickstart", more, {}, folder, {{}, {PLUGIN_DIR}}};
}

struct Watch : Observer {
  int64_t suspend_at = -1;  // batch of the run
  int64_t batches = 0;
  std::vector<Step> steps;
  std::vector<Epoch> looks, epochs;
  std::string notes;

  Next step_done(const Step& step) override {
    steps.push_back(step);
    return ++batches == suspend_at ? Next::suspend : Next::go_on;
  }
  Next validated(const Epoch& epoch) override {
    looks.push_back(epoch);
    return Next::go_on;
  }
  Next epoch_done(const Epoch& epoch) override {
    epochs.push_back(epoch);
    return Next::go_on;
  }
  void note(const std::string& text) override { notes += text + "\n"; }
};

Result trained(const Source& source, Watch& watch) { return Experiment(source).train(watch); }
Result trained(const Source& source) {
  Watch watch;
  return trained(source, watch);
}

std::string weights(const Result& result) { return content(result.model + "/model.safetensors"); }

at::Tensor tensor(const std::string& file, const std::string& name) {
  for (const auto& one : plexiform::model::read_safetensors(file).tensors) {
    if (one.name == name) return one.tensor;
  }
  FAIL(file << " has no " << name);
  return {};
}

at::Tensor trained_tensor(const Result& result, const std::string& name) {
  return tensor(result.model + "/model.safetensors", name);
}

}  // namespace

TEST_CASE("a share of the batches has a point, a number of them has none") {
  using plexiform::training::share_of;
  CHECK(share_of(Json(), 40) == 40);
  CHECK(share_of(1, 40) == 1);
  CHECK(share_of(1.0, 40) == 40);
  CHECK(share_of(0.25, 40) == 10);
  CHECK(share_of(0.01, 40) == 1);
  CHECK(share_of(50, 40) == 40);
}

TEST_CASE("a time is given as Lightning takes it") {
  using plexiform::training::duration;
  CHECK(duration("max_time", "01:02:03:04") == 86400 + 2 * 3600 + 3 * 60 + 4);
  CHECK(duration("max_time", Json{{"hours", 1.5}, {"minutes", 1}}) == 5460);
  for (const Json& wrong : {Json("1:2"), Json("00:00:00:00"), Json("1:2:3:4:5"), Json("-1:0:0:0"), Json{{"years", 1}},
                            Json(3), Json(true)}) {
    INFO(wrong.dump());
    CHECK_THROWS_AS(duration("max_time", wrong), Error);
  }
}

TEST_CASE("a GPU is asked for where there is none") {
  if (at::getNumGPUs() > 0) SKIP("there is one");
  const Folder folder;
  CHECK_THROWS_WITH(
      Experiment(tiny(folder / "run", {"+trainer.accelerator=gpu"})),
      ContainsSubstring(
          "trainer.accelerator: is gpu, but LibTorch sees no GPU\n  fix: use cpu; `plexiform plugins doctor`"));
}

TEST_CASE("a logger of another service is left out, with a note") {
  const Folder folder;
  const Experiment experiment(
      tiny(folder / "run",
           {"+logger.wandb._target_=lightning.pytorch.loggers.wandb.WandbLogger", "+logger.wandb.offline=false"}));
  const auto notes = experiment.notes();
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with("logger.wandb: Weights & Biases is not written to");
  }));
}

TEST_CASE("flags that cannot be honoured are refused before anything is written") {
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"trainer.precision=64-true", "use 32-true or bf16-mixed"},
      {"trainer.precision=16-true", "weights are kept in float32"},
      {"+trainer.devices=two", "the number of processes on each machine"},
      {"+trainer.devices=2", "torchrun --no-python --nproc-per-node 2 plexiform train"},
      {"+trainer.num_nodes=0", "num_nodes"},
      {"+trainer.enable_checkpointing=false", "a run ends with its best checkpoint"},
      {"+trainer.limit_val_batches=0", "neither a share nor a number"},
      {"+trainer.limit_test_batches=1.5", "neither a share nor a number"},
      {"+trainer.overfit_batches=-1", "neither a share nor a number"},
      {"+trainer.val_check_interval=9", "an epoch has 8 batches"},
      {"+trainer.fast_dev_run=maybe", "use true, false or a number"},
      {"+trainer.max_time=soon", "days:hours:minutes:seconds"},
      {"+trainer.min_epochs=9", "more than max_epochs"},
      {"+trainer.gradient_clip_algorithm=size", "use one of: norm, value"},
      {"trainer.deterministic=perhaps", "use true, false or warn"},
      {"+trainer.profiler=nosuch", "nosuch"},
      {"+only_train_readout=3", "use true or false"},
      {"+frozen=core", "no list of patterns"},
      {"+frozen=['core.scael']", "did you mean 'core.scale'?"},
      {"+frozen=['*']", "leaves no parameter to train"},
      {"+training_callbacks.a._target_=lightning.pytorch.callbacks.DeviceStatsMonitor", "is not known here"},
      {"+training_callbacks.a._target_=lightning.pytorch.callbacks.StochasticWeightAveraging", "swa_lrs"},
      {"++training_callbacks={a: {_target_: lightning.pytorch.callbacks.EMAWeightAveraging}, b: {_target_: "
       "lightning.pytorch.callbacks.StochasticWeightAveraging, swa_lrs: 0.1}}",
       "is the second average"},
      {"+logger.a={_target_: lightning.pytorch.loggers.TensorBoardLogger, log_graph: true}", "no traced graph"},
      {"+logger.a._target_=lightning.pytorch.loggers.CometLogger", "is not known here"},
  };
  const Folder folder;
  for (const auto& [override_text, sentence] : refusals) {
    INFO(override_text);
    CHECK_THROWS_MATCHES(trained(tiny(folder / "run", {override_text})), Error,
                         MessageMatches(ContainsSubstring(sentence)));
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
  CHECK_THROWS_MATCHES(
      trained(tiny(folder / "run", {"+trainer.val_check_interval=3", "trainer.accumulate_grad_batches=2"})), Error,
      MessageMatches(ContainsSubstring("in the middle of accumulated batches")));
}

TEST_CASE("flags that only look leave the weights as they are") {
  const Folder folder;
  const auto plain = trained(tiny(folder / "plain", {"+trainer.num_sanity_val_steps=0"}));
  const bool deterministic = at::globalContext().deterministicAlgorithms();
  const std::vector<std::string> flags = {"+trainer.num_sanity_val_steps=-1", "+trainer.detect_anomaly=true",
                                          "trainer.deterministic=true", "+trainer.log_every_n_steps=1",
                                          "+trainer.enable_model_summary=true"};
  Watch watch;
  const auto watched = trained(tiny(folder / "watched", flags), watch);
  CHECK(weights(watched) == weights(plain));
  CHECK_THAT(watch.notes, ContainsSubstring("parameters"));
  CHECK(at::globalContext().deterministicAlgorithms() == deterministic);
  CHECK_FALSE(torch::autograd::AnomalyMode::is_enabled());
}

TEST_CASE("val_check_interval validates within an epoch, into rows of their own") {
  const Folder folder;
  Watch watch;
  const auto result = trained(tiny(folder / "run", {"+trainer.val_check_interval=0.25"}), watch);
  REQUIRE(watch.looks.size() == 6);  // after 2, 4 and 6 of 8 batches, twice
  CHECK(watch.looks[1].at.batch == 4);
  CHECK(watch.looks[4].at.step == 12);
  CHECK(watch.looks[4].metrics.contains("val_loss"));
  CHECK_FALSE(watch.looks[4].metrics.contains("train_loss"));
  CHECK(watch.epochs.size() == 2);
  CHECK(result.history.size() == 8);
}

TEST_CASE("limits count batches of training, validation and tests") {
  const Folder folder;
  Watch watch;
  trained(tiny(folder / "half", {"trainer.limit_train_batches=0.5", "trainer.max_epochs=1"}), watch);
  const size_t half = watch.steps.size();
  watch = {};
  trained(tiny(folder / "all", {"trainer.limit_train_batches=1.0", "trainer.max_epochs=1"}), watch);
  CHECK(watch.steps.size() / 2 == half);
  const auto few = trained(tiny(folder / "few", {"+trainer.limit_val_batches=1", "dataloader.batch_size=1"}));
  const auto many = trained(tiny(folder / "many", {"dataloader.batch_size=1"}));
  CHECK(few.history[0]["train_loss"] == many.history[0]["train_loss"]);
  CHECK(few.history[0]["val_loss"] != many.history[0]["val_loss"]);
}

TEST_CASE("overfit_batches trains and validates on few batches, the same in every epoch") {
  const Folder folder;
  Watch watch;
  const std::vector<std::string> still = {"+trainer.overfit_batches=3", "optimizer.lr=0", "optimizer.weight_decay=0"};
  const auto result = trained(tiny(folder / "run", still), watch);
  REQUIRE(watch.steps.size() == 6);
  CHECK(result.history[0]["train_loss"] == result.history[1]["train_loss"]);
  for (size_t i = 0; i < 3; ++i) CHECK(watch.steps[i].loss == watch.steps[i + 3].loss);
  const auto others = trained(tiny(folder / "others", {"optimizer.lr=0", "optimizer.weight_decay=0"}));
  CHECK(others.history[0]["train_loss"] != others.history[1]["train_loss"]);
}

TEST_CASE("fast_dev_run goes through everything once, and says so") {
  const Folder folder;
  Watch watch;
  const auto result = trained(tiny(folder / "run", {"+trainer.fast_dev_run=2", "+logger=tensorboard"}), watch);
  CHECK(watch.steps.size() == 2);
  CHECK(result.history.size() == 1);
  CHECK_THAT(watch.notes, ContainsSubstring("its scores mean nothing"));
  CHECK_FALSE(std::filesystem::exists(folder / "run/tensorboard"));
}

TEST_CASE("a clock ends training, but not before min_epochs") {
  const Folder folder;
  Watch watch;
  const std::string hurry = "+trainer.max_time={seconds: 0.000001}";
  CHECK(trained(tiny(folder / "a", {hurry, "trainer.max_epochs=5"}), watch).ending == Ending::max_time);
  CHECK(watch.steps.empty());
  CHECK(trained(tiny(folder / "b", {hurry, "+trainer.min_epochs=2", "trainer.max_epochs=5"}), watch).ending ==
        Ending::max_time);
  CHECK(watch.epochs.size() == 2);
  watch = {};
  const std::string timer =
      "+training_callbacks.timer={_target_: lightning.pytorch.callbacks.Timer, duration: "
      "'00:01:00:00'}";
  CHECK(trained(tiny(folder / "c", {timer}), watch).ending == Ending::max_epochs);
}

TEST_CASE("min_epochs holds early stopping back") {
  const Folder folder;
  const std::string at_once =
      "+training_callbacks.stop={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val_loss, mode: min, "
      "stopping_threshold: 1e9}";
  Watch watch;
  CHECK(trained(tiny(folder / "a", {at_once, "trainer.max_epochs=4"}), watch).ending == Ending::early_stopping);
  CHECK(watch.epochs.size() == 1);
  watch = {};
  CHECK(trained(tiny(folder / "b", {at_once, "trainer.max_epochs=4", "+trainer.min_epochs=3"}), watch).ending ==
        Ending::early_stopping);
  CHECK(watch.epochs.size() == 3);
}

TEST_CASE("early stopping on a metric that nobody logs is an error, or with strict: false a word") {
  const Folder folder;
  const std::string lost =
      "+training_callbacks.stop={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val_los";
  CHECK_THROWS_MATCHES(trained(tiny(folder / "a", {lost + "}"})), Error,
                       MessageMatches(ContainsSubstring("did you mean 'val_loss'?")));
  Watch watch;
  CHECK(trained(tiny(folder / "b", {lost + ", strict: false}"}), watch).ending == Ending::max_epochs);
  CHECK_THAT(watch.notes, ContainsSubstring("it stops nothing"));
}

TEST_CASE("gradients are clipped by their norm or value by value") {
  const Folder folder;
  const std::vector<std::string> one_step = {
      "optimizer._target_=torch.optim.SGD", "~optimizer.betas", "~optimizer.eps",      "~optimizer.amsgrad",
      "optimizer.weight_decay=0",           "optimizer.lr=1",   "+trainer.max_steps=1"};
  const auto moved = [&](const std::string& name, const std::vector<std::string>& more) {
    auto all = one_step;
    all.insert(all.end(), more.begin(), more.end());
    const auto result = trained(tiny(folder / name, all));
    // Scales and weights begin at 1 (fixtures/components.cpp); the step is the clipped gradient.
    std::vector<double> steps = {trained_tensor(result, "core.scale").item<double>() - 1};
    const auto weight = trained_tensor(result, "readout.retina_1.weight");
    for (int i = 0; i < 3; ++i) steps.push_back(weight[i].item<double>() - 1);
    return steps;
  };
  const auto free = moved("free", {"trainer.gradient_clip_val=null"});
  const auto norm = moved("norm", {"trainer.gradient_clip_val=1e-3"});
  const auto value = moved("value", {"trainer.gradient_clip_val=1e-5", "+trainer.gradient_clip_algorithm=value"});
  double squares = 0;
  for (size_t i = 0; i < free.size(); ++i) {
    squares += norm[i] * norm[i];
    const double limit = 1e-5;
    CHECK_THAT(value[i], WithinAbs(std::clamp(free[i], -limit, limit), 2e-7));
    CHECK_THAT(norm[i] * free[0], WithinAbs(norm[0] * free[i], 1e-7));  // the same direction
  }
  CHECK(std::sqrt(squares) <= 1.001e-3);
}

TEST_CASE("bf16-mixed trains close to float32, and resumes to its own bits") {
  need_quickstart_plugins();
  const Folder folder;
  const std::vector<std::string> mixed = {"trainer.precision=bf16-mixed"};
  const auto full = trained(convolutional(folder / "full"));
  const auto whole = trained(convolutional(folder / "whole", mixed));
  CHECK(weights(whole) != weights(full));
  CHECK_THAT(whole.history[1]["train_loss"].get<double>(),
             WithinAbs(full.history[1]["train_loss"].get<double>(), 0.02));
  for (const auto& one : plexiform::model::read_safetensors(whole.model + "/model.safetensors").tensors) {
    CHECK(one.tensor.scalar_type() != at::kBFloat16);
  }
  Watch watch;
  watch.suspend_at = 3;
  trained(convolutional(folder / "resumed", mixed), watch);
  CHECK(weights(Experiment::resume(folder / "resumed", {{}, {PLUGIN_DIR}}).train()) == weights(whole));
}

TEST_CASE("augmented training differs, is validated as recorded, and resumes to the same bits") {
  const Folder folder;
  const std::vector<std::string> augmented = {"+augmentation={noise: 0.3, contrast: 0.2, shift: 1}"};
  Watch plain, whole;
  const auto recorded = trained(tiny(folder / "plain"), plain), all = trained(tiny(folder / "whole", augmented), whole);
  CHECK(whole.steps.front().loss != plain.steps.front().loss);
  CHECK(weights(all) != weights(recorded));
  Watch watch;
  watch.suspend_at = 5;
  trained(tiny(folder / "resumed", augmented), watch);
  CHECK(weights(Experiment::resume(folder / "resumed", tiny("").plugins).train()) == weights(all));
  // At such a rate nothing is learnt: what validation says is of the recording alone.
  const auto still = [&](const std::string& name, std::vector<std::string> more) {
    more.push_back("model.learning_rate=1e-30");
    return trained(tiny(folder / name, more)).history[0].at("val_loss");
  };
  CHECK(still("still", augmented) == still("still_plain", {}));
  CHECK_THROWS_MATCHES(
      trained(tiny(folder / "wrong", {"+augmentation.noises=1"})), Error,
      MessageMatches(ContainsSubstring("augmentation.noises") && ContainsSubstring("did you mean 'noise'?")));
}

TEST_CASE("frozen parts keep their weights") {
  const Folder folder;
  const auto only_readout = trained(tiny(folder / "a", {"+only_train_readout=true"}));
  CHECK(trained_tensor(only_readout, "core.scale").item<float>() == 1);
  CHECK(trained_tensor(only_readout, "readout.retina_1.weight")[0].item<float>() != 1);
  const auto only_core = trained(tiny(folder / "b", {"+frozen=['readout.*.weight', 'readout.*.bias']"}));
  CHECK(trained_tensor(only_core, "core.scale").item<float>() != 1);
  CHECK(trained_tensor(only_core, "readout.retina_1.weight")[0].item<float>() == 1);
}

TEST_CASE("LBFGS evaluates the batches of a step anew, accumulated ones too, and resumes to the same bits") {
  const Folder folder;
  const std::vector<std::string> lbfgs = {"~optimizer", "+optimizer={_target_: torch.optim.LBFGS, lr: 0.1}",
                                          "trainer.accumulate_grad_batches=2", "+trainer.overfit_batches=4"};
  const auto whole = trained(tiny(folder / "whole", lbfgs));
  CHECK(whole.history[1]["train_loss"] < whole.history[0]["train_loss"]);
  Watch watch;
  watch.suspend_at = 5;
  trained(tiny(folder / "resumed", lbfgs), watch);
  const auto resumed = Experiment::resume(folder / "resumed", tiny("").plugins).train();
  CHECK(weights(resumed) == weights(whole));
}

TEST_CASE("the best checkpoints are kept, the others removed") {
  const Folder folder;
  trained(tiny(folder / "run", {"trainer.max_epochs=5", "training_callbacks.model_checkpoint.save_top_k=3",
                                "training_callbacks.model_checkpoint.filename='{epoch:02d}_{val_loss:.4f}'"}));
  size_t kept = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path / "run/checkpoints")) {
    kept += file.path().filename().string().starts_with("epoch=");
  }
  CHECK(kept == 3);
  CHECK(std::filesystem::exists(folder / "run/checkpoints/last.safetensors"));
  trained(tiny(folder / "none", {"training_callbacks.model_checkpoint.save_top_k=0"}));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path / "none/checkpoints"), {}) == 1);
}

TEST_CASE("a moving average is validated, kept and resumed") {
  const Folder folder;
  const std::string ema = "+training_callbacks.ema={_target_: lightning.pytorch.callbacks.EMAWeightAveraging, decay: ";
  const auto plain = trained(tiny(folder / "plain"));
  CHECK(weights(trained(tiny(folder / "memoryless", {ema + "0.0}"}))) == weights(plain));
  const auto whole = trained(tiny(folder / "whole", {ema + "0.9}"}));
  CHECK(weights(whole) != weights(plain));
  CHECK(whole.history[1]["train_loss"] == plain.history[1]["train_loss"]);
  CHECK(whole.history[1]["val_loss"] != plain.history[1]["val_loss"]);
}

TEST_CASE("a run with all that keeps a state of its own resumes to the same bits") {
  const Folder folder;
  const std::vector<std::string> everything = {
      "trainer.max_epochs=3",
      "trainer.accumulate_grad_batches=2",
      "+trainer.val_check_interval=4",
      "trainer.gradient_clip_val=0.5",
      "+trainer.max_time='00:01:00:00'",
      "training_callbacks.model_checkpoint.save_top_k=2",
      "+training_callbacks.stop={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val_loss, patience: 50}",
      "+training_callbacks.swa={_target_: lightning.pytorch.callbacks.StochasticWeightAveraging, swa_lrs: 0.02, "
      "swa_epoch_start: 1, annealing_epochs: 2}",
      "+lr_scheduler={_target_: torch.optim.lr_scheduler.StepLR, step_size: 3, gamma: 0.5, interval: step}"};
  const auto whole = trained(tiny(folder / "whole", everything));
  CHECK(whole.history.size() == 6);
  for (const int64_t batch : {2, 5, 9, 13, 21}) {
    const std::string name = folder / ("run" + std::to_string(batch));
    INFO(name);
    Watch watch;
    watch.suspend_at = batch;
    CHECK(trained(tiny(name, everything), watch).ending == Ending::suspended);
    const auto resumed = Experiment::resume(name, tiny("").plugins).train();
    CHECK(weights(resumed) == weights(whole));
    CHECK(resumed.history == whole.history);
  }
}

TEST_CASE("a learning rate that was found is trained at, and leaves no other trace") {
  const Folder folder;
  const std::string finder =
      "+training_callbacks.finder={_target_: lightning.pytorch.callbacks.LearningRateFinder, "
      "num_training_steps: 40, min_lr: 1e-4";
  Watch watch;
  const auto found = trained(tiny(folder / "found", {finder + "}"}), watch);
  CHECK_THAT(watch.notes, ContainsSubstring("falls fastest"));
  const double rate = found.history[0]["lr"];
  CHECK(rate != 0.01);
  const auto given = trained(tiny(folder / "given", {fmt::format("optimizer.lr={}", rate)}));
  CHECK(weights(found) == weights(given));
  CHECK(weights(trained(tiny(folder / "told", {finder + ", update_attr: false}"}))) ==
        weights(trained(tiny(folder / "plain"))));
  Watch stopped;
  stopped.suspend_at = 5;
  trained(tiny(folder / "resumed", {finder + "}"}), stopped);
  CHECK(weights(Experiment::resume(folder / "resumed", tiny("").plugins).train()) == weights(found));
}

TEST_CASE("an optimiser is reset when a metric has lowered its rate, and then only") {
  const Folder folder;
  const std::string reset = "+training_callbacks.reset._target_=openretina.utils.model_utils.OptimizerResetCallback";
  const std::string falls =
      "+lr_scheduler={_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, monitor: val_loss, "
      "mode: max, patience: 0, factor: 0.5}";  // the loss falls, which is the wrong way
  const auto plain = trained(tiny(folder / "plain", {"trainer.max_epochs=4", falls}));
  const auto with = trained(tiny(folder / "with", {"trainer.max_epochs=4", falls, reset}));
  CHECK(with.history[3]["lr"] < with.history[0]["lr"]);
  CHECK(with.history[3]["train_loss"] != plain.history[3]["train_loss"]);
  CHECK(weights(trained(tiny(folder / "constant", {reset}))) == weights(trained(tiny(folder / "still"))));
}

TEST_CASE("a CSV logger writes the metrics where it is told to") {
  const Folder folder;
  trained(tiny(folder / "run", {"+logger=csv"}));
  const std::string metrics = content(folder / "run/metrics.csv");
  CHECK_FALSE(metrics.empty());
  CHECK(content(folder / "run/csv/metrics.csv") == metrics);
  CHECK_THROWS_MATCHES(trained(tiny(folder / "wrong", {"+logger=csv", "+logger.csv.save_dri=x"})), Error,
                       MessageMatches(ContainsSubstring("did you mean 'save_dir'?")));
}

TEST_CASE("momentum and weight decay are columns when the rate's monitor asks for them") {
  const Folder folder;
  const auto row = trained(tiny(folder / "run", {"+training_callbacks@training_callbacks=lr_monitor"})).history[0];
  CHECK(row["momentum"] == 0.9);
  CHECK(row["weight_decay"] == 0.01);
  CHECK_FALSE(trained(tiny(folder / "plain")).history[0].contains("momentum"));
}

TEST_CASE("the features of a frozen core are computed once, in memory or in a file, to the same model") {
  const Folder folder;
  auto refit = [&](const std::string& keep, Watch& watch) {
    return trained(convolutional(folder / keep, {"+frozen=['core.*']", "++trainer.keep_features=" + keep}), watch);
  };
  Watch anew, memory, file;
  const auto reference = refit("no", anew), kept = refit("memory", memory), mapped = refit("file", file);
  CHECK_THAT(memory.notes, ContainsSubstring("the core is not trained: its features are computed once"));
  CHECK_THAT(file.notes, ContainsSubstring("in a file of the run's folder"));
  CHECK_THAT(anew.notes, !ContainsSubstring("computed once"));
  CHECK(weights(kept) == weights(mapped));
  REQUIRE(memory.steps.size() == anew.steps.size());
  for (size_t k = 0; k < memory.steps.size(); ++k) {  // batch after batch, validation too
    CHECK_THAT(memory.steps[k].loss, WithinAbs(anew.steps[k].loss, 1e-5));
  }
  CHECK_THAT(memory.epochs.back().metrics.at("val_correlation").get<double>(),
             WithinAbs(anew.epochs.back().metrics.at("val_correlation").get<double>(), 1e-4));
  CHECK_FALSE(std::filesystem::exists(folder / "file/features.tmp"));
}

TEST_CASE("features are not kept where a window's are not a part of its trial's") {
  const Folder folder;
  Watch trains, pads;
  trained(convolutional(folder / "trained", {"++trainer.keep_features=memory", "+frozen=['core.*weight*']"}), trains);
  CHECK_THAT(trains.notes, ContainsSubstring("computed at every step, since the core is trained"));
  trained(convolutional(folder / "padded",
                        {"++trainer.keep_features=memory", "+frozen=['core.*']", "++model.core.input_padding=same"}),
          pads);
  CHECK_THAT(pads.notes, ContainsSubstring("since the core pads time"));
}

// The main job, end to end, through the command: small recordings, a small model, everything that a run promises.
#include <model/safetensors.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../command.h"
#include "../folder.h"
#include "needed_plugins.h"

using Catch::Matchers::ContainsSubstring;

namespace {

// One recording for all tests of this file.
const std::string& recording() {
  static const Folder folder;
  static const std::string data = [] {
    const std::string path = folder / "data";
    const auto made = run({"create-data", path, "--sessions", "2", "--neurons", "5", "--seed", "7"}, folder / "log");
    if (made.code != 0) throw std::runtime_error(made.output);
    return path;
  }();
  return data;
}

// Arguments of a run of some seconds.
std::vector<std::string> small_run(const std::string& runs, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"train",
                                        "--config-name=quickstart",
                                        "paths.data_dir=" + recording(),
                                        "hydra.run.dir=" + runs,
                                        "model.hidden_channels=[2]",
                                        "trainer.max_epochs=3",
                                        "+trainer.limit_train_batches=8",
                                        "~training_callbacks.early_stopping"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("a run trains, scores and leaves a bundle, metrics and checkpoints") {
  need_quickstart_plugins();
  const Folder folder;
  const auto ran = run(small_run(folder / "run"), folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.output, ContainsSubstring("noise ceiling"));
  for (const char* file :
       {"model/model.safetensors", "model/model.json", "metrics.csv", "scores.csv", "scores.json", "train.log",
        "checkpoints/last.safetensors", ".hydra/config.yaml", ".hydra/overrides.yaml", ".hydra/hydra.yaml"}) {
    INFO(file);
    CHECK(std::filesystem::exists(folder.path / "run" / file));
  }
  const auto evaluated = run({"evaluate", folder / "run"}, folder / "log");
  INFO(evaluated.output);
  CHECK(evaluated.code == 0);
  // The same scores as at the end of training: the bundle is the trained model.
  std::istringstream lines(ran.output);
  int scores = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("test_noise") == std::string::npos && line.find("test_texture") == std::string::npos) continue;
    CHECK_THAT(evaluated.output, ContainsSubstring(line));
    ++scores;
  }
  CHECK(scores == 4);  // two sessions, two stimuli
}

TEST_CASE("the same config and seed give the same bits, another seed others") {
  need_quickstart_plugins();
  const Folder folder;
  REQUIRE(run(small_run(folder / "a"), folder / "log").code == 0);
  REQUIRE(run(small_run(folder / "b"), folder / "log").code == 0);
  REQUIRE(run(small_run(folder / "c", {"seed=43"}), folder / "log").code == 0);
  const auto weights = content(folder / "a/model/model.safetensors");
  CHECK(weights == content(folder / "b/model/model.safetensors"));
  CHECK(weights != content(folder / "c/model/model.safetensors"));
}

TEST_CASE("a run with a rate that changes at every step resumes in the middle of an epoch to the same bits") {
  need_quickstart_plugins();
  const Folder folder;
  auto arguments = [&](const std::string& name) {
    return small_run(folder / name, {"~lr_scheduler",
                                     "+lr_scheduler={_target_: torch.optim.lr_scheduler.OneCycleLR, max_lr: 0.02, "
                                     "interval: step}",
                                     "+optimizer.groups={core.*: {lr: 0.005}}",
                                     "+training_callbacks.model_checkpoint.every_n_train_steps=3"});
  };
  const auto whole = run(arguments("whole"), folder / "log");
  INFO(whole.output);
  REQUIRE(whole.code == 0);
  Command command(arguments("killed"), folder / "log");
  const auto checkpoint = folder.path / "killed/checkpoints/last.safetensors";
  while (!std::filesystem::exists(checkpoint)) usleep(1000);
  const auto first = std::filesystem::last_write_time(checkpoint);
  while (std::filesystem::last_write_time(checkpoint) == first) usleep(1000);
  command.kill(SIGKILL);
  command.wait();
  const auto resumed = run({"train", "--resume", folder / "killed"}, folder / "log");
  INFO(resumed.output);
  REQUIRE(resumed.code == 0);
  CHECK(content(folder / "whole/model/model.safetensors") == content(folder / "killed/model/model.safetensors"));
  CHECK(content(folder / "whole/metrics.csv") == content(folder / "killed/metrics.csv"));
}

TEST_CASE("a run that was killed and resumed ends with the bits of one that was not") {
  need_quickstart_plugins();
  const Folder folder;
  REQUIRE(run(small_run(folder / "whole"), folder / "log").code == 0);
  const auto weights = content(folder / "whole/model/model.safetensors");
  for (const int milliseconds : {900, 1300, 1700, 2300}) {
    const std::string name = "killed" + std::to_string(milliseconds);
    Command command(small_run(folder / name), folder / "log");
    while (!std::filesystem::exists(folder.path / name / "checkpoints")) usleep(10000);
    usleep(static_cast<useconds_t>(milliseconds - 900) * 1000);
    command.kill(SIGKILL);
    command.wait();
    const auto resumed = run({"train", "--resume", folder / name}, folder / "log");
    INFO(resumed.output);
    REQUIRE(resumed.code == 0);
    CHECK(content(folder / (name + "/model/model.safetensors")) == weights);
    CHECK(content(folder / (name + "/metrics.csv")) == content(folder / "whole/metrics.csv"));
  }
}

TEST_CASE(
    "Ctrl-C ends a run with code 130 and a checkpoint in the middle of the epoch, from which it goes on to the same "
    "bits") {
  need_quickstart_plugins();
  const Folder folder;
  REQUIRE(run(small_run(folder / "whole"), folder / "log").code == 0);
  Command command(small_run(folder / "run"), folder / "log");
  while (!std::filesystem::exists(folder.path / "run" / "checkpoints")) usleep(10000);
  usleep(50000);
  command.kill(SIGINT);
  const auto stopped = command.wait();
  INFO(stopped.output);
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.output, ContainsSubstring("plexiform train --resume"));
  CHECK_NOTHROW(plexiform::model::read_safetensors(folder / "run/checkpoints/last.safetensors",
                                                   plexiform::model::Checksum::required));
  REQUIRE(run({"train", "--resume", folder / "run"}, folder / "log").code == 0);
  CHECK(content(folder / "run/model/model.safetensors") == content(folder / "whole/model/model.safetensors"));
}

TEST_CASE("a damaged last checkpoint is passed over for the best one, with a word") {
  need_quickstart_plugins();
  const Folder folder;
  REQUIRE(run(small_run(folder / "run"), folder / "log").code == 0);
  std::filesystem::resize_file(folder / "run/checkpoints/last.safetensors", 1000);
  const auto resumed = run({"train", "--resume", folder / "run"}, folder / "log");
  INFO(resumed.output);
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.output, ContainsSubstring("passed over a checkpoint"));
}

TEST_CASE("a loss with parameters of its own is trained, saved and read back") {
  need_quickstart_plugins();
  const Folder folder;
  const std::vector<std::string> own_loss = {"--plugin", FIXTURE_DIR "/fixture_mistakes.plexiform.so", "~model.loss",
                                             "+model.loss={_target_: fixtures.losses.Mistakes}",
                                             "trainer.max_epochs=1"};
  const auto ran = run(small_run(folder / "run", own_loss), folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  const auto saved = plexiform::model::read_safetensors(folder / "run/model/model.safetensors");
  const auto scale = std::find_if(saved.tensors.begin(), saved.tensors.end(),
                                  [](const plexiform::Named& one) { return one.name == "loss.scale"; });
  REQUIRE(scale != saved.tensors.end());
  CHECK(scale->tensor.item<float>() < 1);  // a smaller scale, a smaller loss
  const auto evaluated =
      run({"evaluate", folder / "run", "--plugin", FIXTURE_DIR "/fixture_mistakes.plexiform.so"}, folder / "log");
  INFO(evaluated.output);
  CHECK(evaluated.code == 0);
  const auto refused = run(
      small_run(folder / "refused", {"--plugin", FIXTURE_DIR "/fixture_mistakes.plexiform.so", "~model.evaluation_loss",
                                     "+model.evaluation_loss={_target_: fixtures.losses.Mistakes}"}),
      folder / "log");
  CHECK(refused.code == 1);
  CHECK_THAT(refused.output, ContainsSubstring("nothing trains those of an evaluation loss"));
}

TEST_CASE("a dry run prints the plan and writes nothing") {
  need_quickstart_plugins();
  const Folder folder;
  const auto ran = run(small_run(folder / "run", {"--dry-run"}), folder / "log");
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.output, ContainsSubstring("parameters"));
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
}

TEST_CASE("another core is chosen by one override") {
  need_quickstart_plugins();
  const auto [core, name] = GENERATE(table<std::string, std::string>(
      {{"linear", "Linear"}, {"identity", "Identity"}, {"conv_gru", "ConvGRU"}, {"space_then_time", "SpaceThenTime"}}));
  need_plugins({core});
  const Folder folder;
  const auto ran =
      run({"train", "--config-name=quickstart", "paths.data_dir=" + recording(), "--dry-run", "model/core=" + core},
          folder / "log");
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.output, ContainsSubstring("plexiform.cores." + name + "  (plugin " + core));
}

TEST_CASE("mistakes are refused before anything is written, with place and remedy") {
  need_quickstart_plugins();
  struct Mistake {
    std::string override_text, sentence;
  };
  const std::vector<Mistake> mistakes = {
      {"+model.core.kernal=3", "no such parameter"},
      {"model.core.spatial_kernel_sizes=[99]", "spatial_kernel_sizes"},
      {"model.core.temporal_kernel_sizes=[80]", "temporal_kernel_sizes"},
      {"model.core._target_=plexiform.cores.Simpel", "did you mean 'plexiform.cores.Simple'?"},
      {"model.core._target_=plexiform.losses.Poisson", "loss"},
      {"model.core._target_=plexiform.cores.Identity",
       "model.core._target_ changes the name alone and leaves the keys of the core before; switch with model/core=NAME "
       "(plexiform train --help lists them), or replace it all: '~model.core' "
       "'+model.core={_target_: plexiform.cores.Identity}'"},
      {"model.hidden_channels=text", "hidden_channels"},
      {"+trainer.max_epoch=3", "did you mean 'max_epochs'?"},
      {"trainer.max_epochs=-3", "at least 1"},
      {"trainer.max_epochs=many", "integer"},
      {"optimizer._target_=torch.optim.AdamV", "did you mean 'torch.optim.AdamW'?"},
      {"optimizer.lr=-1", "optimizer.lr"},
      {"lr_scheduler.monitor=val_corelation", "did you mean 'val_correlation'?"},
      {"training_callbacks.model_checkpoint.mode=up", "use one of: max, min"},
      {"dataloader.clip_length=5", "dataloader"},
      {"dataloader.num_val_clips=100000", "num_val_clips"},
      {"dataloader.batch_size=0", "batch_size"},
      {"paths.data_dir=nowhere", "nowhere"},
      {"data_io.test_names=[test_noize]", "test_noize"},
      {"+optimiser.lr=3", "did you mean 'optimizer'?"},
      {"seed=-1", "seed"},
  };
  const Folder folder;
  for (const auto& [override_text, sentence] : mistakes) {
    const auto ran = run(small_run(folder / "run", {override_text}), folder / "log");
    INFO(override_text << "\n" << ran.output);
    CHECK(ran.code == 1);
    CHECK_THAT(ran.output, ContainsSubstring(sentence));
    CHECK_THAT(ran.output, ContainsSubstring("fix:"));
    CHECK(ran.output.find("terminate called") == std::string::npos);
    CHECK(ran.output.find("frame #") == std::string::npos);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
}

TEST_CASE("a command line that cannot be understood ends with code 2") {
  need_quickstart_plugins();
  const Folder folder;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"trian"}, {"train", "--confg-name=x"}, {"train", "word"}, {"evaluate"}, {}}) {
    const auto ran = run(arguments, folder / "log");
    INFO(ran.output);
    CHECK(ran.code == 2);
  }
}

TEST_CASE("a sweep trains its runs two at a time, its table has their scores, and each can be made again") {
  const Folder folder;
  const std::string sweep = folder / "sweep";
  const auto ran =
      run(small_run("unused", {"-m", "--jobs=2", "seed=1,2", "trainer.max_epochs=1", "hydra.sweep.dir=" + sweep}),
          folder / "log");
  INFO(ran.output);
  REQUIRE(ran.code == 0);
  for (const std::string number : {"0", "1"}) {
    CHECK(std::filesystem::exists(sweep + "/" + number + "/model/model.safetensors"));
    CHECK_THAT(content(sweep + "/" + number + "/.hydra/hydra.yaml"), ContainsSubstring("num: " + number));
    CHECK_THAT(content(sweep + "/results.csv"), ContainsSubstring("\n" + number + ","));
  }
  CHECK(content(sweep + "/0/scores.json") != content(sweep + "/1/scores.json"));
  const auto reproduced = run({"reproduce", sweep + "/1"}, folder / "log");
  CHECK(reproduced.code == 0);
  CHECK_THAT(reproduced.output, ContainsSubstring("seed=2") && ContainsSubstring("It gives the same config.\n"));
}

TEST_CASE("a published config in mixed precision trains as in float32, with the convolutions that this processor has") {
  need_quickstart_plugins();
  const Folder folder;
  REQUIRE(run({"create-data", folder / "data", "--layout", "goldin_2022", "--neurons", "3"}, folder / "log").code == 0);
  std::vector<double> losses;
  for (const std::string precision : {"16-mixed", "32-true"}) {
    const auto done =
        run({"train", "--config-name", "goldin_2022_core_readout", "paths.data_dir=" + folder / "data", "logger=[]",
             "hydra.run.dir=" + folder / precision, "++trainer.precision=" + precision, "trainer.max_epochs=1",
             "++trainer.limit_train_batches=4", "++trainer.accumulate_grad_batches=1", "++trainer.limit_val_batches=1",
             "++trainer.limit_test_batches=1", "model.core.spatial_kernel_sizes=[9]"},
            folder / "log");
    INFO(done.output);
    REQUIRE(done.code == 0);
    const auto at = done.output.find("val_loss ");
    REQUIRE(at != std::string::npos);
    losses.push_back(std::stod(done.output.substr(at + 9)));
  }
  CHECK(std::abs(losses[0] - losses[1]) < 0.02 * std::abs(losses[1]));
}

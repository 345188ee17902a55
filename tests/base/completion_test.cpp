// What the Tab key offers.
#include <cli/completion.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "../command.h"
#include "../desk.h"
#include "../environment.h"
#include "../folder.h"
#include "../sanitized.h"

using plexiform::cli::completions;
using Words = std::vector<std::string>;

namespace {

bool offers(const std::string& line, const std::string& word) {
  const auto words = completions(line);
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("commands, flags and what flags take are completed") {
  CHECK(completions("plexiform tr") == Words{"train"});
  CHECK(completions("plexiform completion ") == Words{"--help", "bash", "fish", "zsh"});
  CHECK(completions("plexiform data ") == Words{"--help", "check", "convert", "inspect"});
  CHECK(completions("plexiform train --res") == Words{"--resolve", "--resume"});
  CHECK(completions("plexiform train --cfg ") == Words{"all", "hydra", "job"});
  CHECK(completions("plexiform train --info defaults") == Words{"defaults", "defaults-tree"});
  CHECK(completions("plexiform evaluate --split t") == Words{"test"});
  CHECK(offers("plexiform train --config-name ", "quickstart"));
  CHECK(!offers("plexiform train --config-name ", "defaults"));  // it is no experiment
}

TEST_CASE("groups, their options and the keys of the composed config are completed") {
  CHECK(completions("plexiform train mod") == Words{"model.", "model/core=", "model="});
  CHECK(completions("plexiform train optimizer=ad").front() == "optimizer=adamw");
  CHECK(completions("plexiform train trainer.max_ep") == Words{"trainer.max_epochs="});
  CHECK(completions("plexiform train trainer.max_epochs=") == Words{"trainer.max_epochs=15"});  // what it is now
  CHECK(completions("plexiform train --cn hdf5_core_readout trainer.max_epochs=") == Words{"trainer.max_epochs=50"});
  CHECK(completions("plexiform train --cn hdf5_core_readout logger=[csv,te") == Words{"logger=[csv,tensorboard"});
  CHECK(completions("plexiform train model=core_klindt_readout model.readout.laplace") ==
        Words{"model.readout.laplace_mask_reg="});  // a key of the chosen model
  CHECK(completions("plexiform train hydra/sweeper=") == Words{"hydra/sweeper=basic", "hydra/sweeper=optuna"});
  CHECK(completions("plexiform train hydra.run.") == Words{"hydra.run.dir="});
  CHECK(completions("plexiform train ~trai") ==
        Words{"~trainer", "~trainer.", "~training_callbacks", "~training_callbacks."});
  CHECK(completions("plexiform train +eval") == Words{"+evaluation="});  // a group that is not chosen yet
  CHECK(completions("plexiform train +see").empty());                    // a value that is there
}

TEST_CASE("a config folder of one's own and config files are completed") {
  const Folder folder;
  std::filesystem::create_directories(folder / "flavour");
  std::ofstream(folder / "mine.yaml") << "seed: 1\n";
  std::ofstream(folder / "flavour/sweet.yaml") << "sugar: 2\n";
  CHECK(completions("plexiform train --config-path " + folder.path.string() + " --config-name mi") == Words{"mine"});
  CHECK(completions("plexiform train --cp " + folder.path.string() + " --cn mine +fla") == Words{"+flavour="});
  CHECK(completions("plexiform train --cp " + folder.path.string() + " --cn mine +flavour=") ==
        Words{"+flavour=sweet"});
  CHECK(completions("plexiform train " + (folder / "m")) == Words{folder / "mine.yaml"});
  CHECK(completions("plexiform evaluate " + (folder / "")) == Words{folder / "flavour/"});
}

TEST_CASE("a line that makes no sense is completed as far as it does, or not at all") {
  CHECK(completions("").empty());
  CHECK(completions("plexiform").empty());
  CHECK(completions("plexiform nothing ").empty());
  CHECK(completions("plexiform train --config-path /not/there se").empty());
  CHECK(completions("plexiform train nope=1 trainer.max_ep") == Words{"trainer.max_epochs="});
  CHECK(completions("plexiform train --cfg bogus trainer.max_ep") == Words{"trainer.max_epochs="});
  CHECK(completions("plexiform train 'trainer.max_ep") == Words{"trainer.max_epochs="});  // an open quote
  CHECK(completions("plexiform train seed=[1,").empty());
}

TEST_CASE("a completion takes less than 50 ms") {
  const Folder folder;
  auto best = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Ran ran =
        run({"--complete", "plexiform train --config-name hdf5_core_readout model.core.gam"}, folder / "out");
    best = std::min(best, std::chrono::steady_clock::now() - start);
    CHECK(ran.output ==
          "model.core.gamma_hidden=\nmodel.core.gamma_in_sparse=\nmodel.core.gamma_input=\n"
          "model.core.gamma_temporal=\n");
  }
  CHECK(best < slower * std::chrono::milliseconds(50));  // about 10 on an idle core
}

TEST_CASE("each shell gets a script that asks --complete") {
  const Folder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Ran ran = run({"completion", shell}, folder / "out");
    CHECK(ran.code == 0);
    CHECK(ran.output.find("--complete") != std::string::npos);
  }
  CHECK(run({"completion", "csh"}, folder / "out").code == 2);
}

TEST_CASE("bash completes with it", "[bash]") {
  if (!std::filesystem::exists("/bin/bash")) SKIP("no bash here");
  const Folder folder;
  std::ofstream(folder / "ask.sh") << "eval \"$(" PLEXIFORM_COMMAND
                                      " completion bash)\"\n"
                                      "COMP_WORDS=(" PLEXIFORM_COMMAND
                                      ") COMP_LINE=\"$1\" COMP_POINT=${#1}\n"
                                      "compopt() { echo \"$@\"; }\n"
                                      "_plexiform\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  const auto ask = [&](const std::string& line) {
    const std::string command = "/bin/bash '" + (folder / "ask.sh") + "' '" + line + "' > '" + (folder / "out") + "'";
    CHECK(std::system(command.c_str()) == 0);
    return content(folder / "out");
  };
  CHECK(ask("plexiform tr") == "train\n");
  CHECK(ask("plexiform train trainer.max_ep") == "-o nospace\ntrainer.max_epochs=\n");
  CHECK(ask("plexiform train trainer.max_epochs=") == "15\n");  // bash has the rest of the word already
}

TEST_CASE("components and their hyperparameters are completed from the plugins' notes") {
  const Desk desk;
  std::filesystem::create_directories(desk.folder / "plugins");
  const Environment path("PLEXIFORM_PLUGIN_PATH", std::filesystem::path(desk.add("plain")).parent_path());
  const std::string loss = "plexiform train model.loss._target_=fixtures.losses.Plain";
  CHECK(offers("plexiform train model.loss._target_=fix", "model.loss._target_=fixtures.losses.Plain"));
  CHECK(completions(loss + " +model.loss.wei").empty());  // the plugin was never opened
  CHECK(desk.plugins({"list", "--probe"}).code == 0);
  CHECK(completions(loss + " +model.loss.wei") == Words{"+model.loss.weight="});
}

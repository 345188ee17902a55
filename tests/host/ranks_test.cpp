// Several processes that train one model, against one: what torchrun would start, on this machine.
#include <ATen/TensorOperators.h>
#include <model/safetensors.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <sstream>

#include "../command.h"
#include "../environment.h"
#include "../folder.h"
#include "needed_plugins.h"

using Catch::Matchers::ContainsSubstring;

namespace {

// Two sessions, for all tests of this file.
const std::string& recording() {
  static const Folder folder;
  static const std::string data = [] {
    const std::string path = folder / "data";
    const auto made =
        run({"create-data", path, "--sessions=2", "--neurons=4", "--frames=2000", "--test-frames=200"}, folder / "log");
    if (made.code != 0) throw std::runtime_error(made.output);
    return path;
  }();
  return data;
}

// A port of this machine, held as long as it lives.
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_, 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    number = std::to_string(ntohs(address.sin_port));
  }
  ~Port() { ::close(socket_); }
  std::string number;

 private:
  int socket_;
};

// Processes with torchrun's variables; the output of each goes to a file.
class Ranks {
 public:
  Ranks(int size, const std::vector<std::string>& arguments, const Folder& folder,
        const std::map<int, std::vector<std::string>>& more = {}, bool one_machine = true) {
    const std::string count = std::to_string(size), port = Port().number;
    const Environment world("WORLD_SIZE", count), local("LOCAL_WORLD_SIZE", one_machine ? count : "1"),
        interface("GLOO_SOCKET_IFNAME", "lo"), threads("OMP_NUM_THREADS", "1");
    const Environment address("MASTER_ADDR", "127.0.0.1"), master("MASTER_PORT", port),
        limit("PLEXIFORM_RANK_TIMEOUT", "60");
    for (int rank = 0; rank < size; ++rank) {
      const Environment own("RANK", std::to_string(rank));
      auto words = arguments;
      if (const auto found = more.find(rank); found != more.end()) {
        words.insert(words.end(), found->second.begin(), found->second.end());
      }
      processes_.push_back(
          std::make_unique<Command>(words, folder / ("rank" + std::to_string(rank)), Limits{.seconds = 300}));
    }
  }
  Command& operator[](size_t rank) { return *processes_[rank]; }
  std::vector<Ran> wait() {
    std::vector<Ran> all;
    for (auto& process : processes_) all.push_back(process->wait());
    return all;
  }

 private:
  std::vector<std::unique_ptr<Command>> processes_;
};

std::vector<std::string> small_run(const std::string& runs, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"train",
                                        "--config-name=quickstart",
                                        "paths.data_dir=" + recording(),
                                        "hydra.run.dir=" + runs,
                                        "model.hidden_channels=[3,2]",
                                        "model.core.temporal_kernel_sizes=[9,5]",
                                        "model.core.spatial_kernel_sizes=[7,3]",
                                        "dataloader.batch_size=6",
                                        "trainer.max_epochs=2",
                                        "+trainer.limit_train_batches=6",
                                        "~training_callbacks.early_stopping"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void train(int size, const std::vector<std::string>& arguments, const Folder& folder, bool one_machine = true) {
  for (const auto& ran : Ranks(size, arguments, folder, {}, one_machine).wait()) {
    INFO(ran.output);
    REQUIRE(ran.code == 0);
  }
}

// Column by column; "" and numbers.
std::vector<std::vector<std::string>> table(const std::string& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream text(content(file));
  for (std::string line; std::getline(text, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

// Two runs' losses and weights are the same to 1e-5, relative to 1 or to what is larger. (A correlation magnifies the last
// digits of predictions that hardly vary: to 1e-3.)
void check_same(const std::string& a, const std::string& b) {
  const auto ours = table(a + "/metrics.csv"), theirs = table(b + "/metrics.csv");
  REQUIRE(ours.size() > 1);
  REQUIRE(ours.size() == theirs.size());
  REQUIRE(ours[0] == theirs[0]);
  for (size_t row = 1; row < ours.size(); ++row) {
    REQUIRE(ours[row].size() == theirs[row].size());
    for (size_t k = 0; k < ours[row].size(); ++k) {
      const double x = std::stod(ours[row][k]), y = std::stod(theirs[row][k]);
      const std::string& name = ours[0][k];
      const bool correlation = name.starts_with("val_correlation") || name.ends_with("evaluation_loss");
      INFO("epoch " << row << ", " << name << ": " << x << ", " << y);
      CHECK(std::abs(x - y) <= (correlation ? 1e-3 : 1e-5) * std::max(1.0, std::abs(y)));
    }
  }
  const auto mine = plexiform::read_safetensors(a + "/model/model.safetensors");
  const auto yours = plexiform::read_safetensors(b + "/model/model.safetensors");
  REQUIRE(mine.tensors.size() == yours.tensors.size());
  for (size_t k = 0; k < mine.tensors.size(); ++k) {
    const auto x = mine.tensors[k].tensor.to(at::kDouble), y = yours.tensors[k].tensor.to(at::kDouble);
    const double difference = ((x - y).abs() / y.abs().clamp_min(1)).max().item<double>();
    INFO(mine.tensors[k].name << " " << difference);
    CHECK(difference <= 1e-5);
  }
}

void compare(int size, const std::vector<std::string>& more, bool one_machine = true) {
  need_quickstart_plugins();
  const Folder folder;
  train(1, small_run(folder / "one", more), folder);
  train(size, small_run(folder / "several", more), folder, one_machine);
  check_same(folder / "several", folder / "one");
}

}  // namespace

TEST_CASE("two processes train as one does, batch norm, losses of each epoch and weights to 1e-5") { compare(2, {}); }

TEST_CASE("processes of several machines, which share no memory, are as exact") { compare(2, {}, false); }

TEST_CASE("shares of different size, and a loss over the whole batch, are as exact") {
  compare(3, {"dataloader.batch_size=5", "trainer.gradient_clip_val=0.5", "trainer.accumulate_grad_batches=2"});
}

TEST_CASE("LibTorch's own batch norm is over the rows of all processes, too") {
  need_plugins({"space_then_time"});
  compare(2, {"~model.core",
              "+model.core={_target_: plexiform.cores.SpaceThenTime, temporal_kernel_sizes: [9,5], "
              "spatial_kernel_sizes: [7,3]}"});
}

TEST_CASE("each row has draws of its own, those of one process: dropout, and points that are sampled") {
  need_plugins({"point_gaussian"});
  const std::string points = "+model.readout={_target_: plexiform.readouts.PointGaussian, init_sigma_range: 0.3}";
  compare(3, {"+model.core.dropout_rate=0.4", "~model.readout", points, "dataloader.batch_size=7"});
  compare(2, {"+model.core.dropout_rate=0.4", "+trainer.shared_core_pass=true"});
}

TEST_CASE("a shared pass of the core and kept features are as exact") {
  // AdamW divides by the size of a gradient: at eps 1e-8 the last digits of one that is nearly 0, as some of layer0's
  // weight_spatial are, decide on a whole step.
  compare(2, {"+trainer.shared_core_pass=true", "optimizer.eps=1e-4"});
  compare(2, {"+only_train_readout=true", "+trainer.keep_features=memory"});
}

TEST_CASE("LBFGS and a rate finder are as exact") {
  compare(2, {"~optimizer", "+optimizer={_target_: torch.optim.LBFGS, lr: 0.1, max_iter: 3}", "trainer.max_epochs=1"});
  compare(2, {"+training_callbacks.finder={_target_: lightning.pytorch.callbacks.LearningRateFinder, "
              "num_training_steps: 20}",
              "trainer.max_epochs=1"});
}

TEST_CASE("a signal to one process suspends all, and they resume to the same bits") {
  need_quickstart_plugins();
  const Folder folder;
  train(2, small_run(folder / "whole"), folder);
  Ranks ranks(2, small_run(folder / "stopped"), folder);
  while (!std::filesystem::exists(folder.path / "stopped/checkpoints/last.safetensors")) usleep(10000);
  ranks[1].kill(SIGTERM);
  for (const auto& ran : ranks.wait()) {
    INFO(ran.output);
    CHECK(ran.code == 128 + SIGTERM);
  }
  train(2, {"train", "--resume", folder / "stopped"}, folder);
  CHECK(content(folder / "whole/model/model.safetensors") == content(folder / "stopped/model/model.safetensors"));
  CHECK(content(folder / "whole/metrics.csv") == content(folder / "stopped/metrics.csv"));
}

TEST_CASE("a process that dies stops the others with a sentence, and one process can go on") {
  need_quickstart_plugins();
  const Folder folder;
  Ranks ranks(2, small_run(folder / "run", {"trainer.max_epochs=200"}), folder);
  const auto metrics = folder.path / "run/metrics.csv";
  while (!std::filesystem::exists(metrics)) usleep(10000);
  ranks[1].kill(SIGKILL);
  const auto ran = ranks.wait();
  INFO(ran[0].output);
  CHECK(ran[0].code == 1);
  CHECK_THAT(ran[0].output, ContainsSubstring("rank 0 of 2: another process has ended"));
  const auto epochs = table(metrics).size();
  const auto alone =
      run({"train", "--resume", folder / "run", "trainer.max_epochs=" + std::to_string(epochs)}, folder / "log");
  INFO(alone.output);
  CHECK(alone.code == 0);
  CHECK_THAT(alone.output, ContainsSubstring("the run trained in 2 processes, now in 1"));
}

TEST_CASE("the first process alone speaks and writes") {
  need_quickstart_plugins();
  const Folder folder;
  Ranks ranks(2, small_run(folder / "runs/${now:%H-%M-%S}", {"trainer.max_epochs=1"}), folder);
  const auto ran = ranks.wait();
  INFO(ran[0].output);
  CHECK(ran[0].code == 0);
  CHECK(ran[1].code == 0);
  CHECK(ran[1].output.empty());
  CHECK_THAT(ran[0].output, ContainsSubstring("2 processes share each batch"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path / "runs"),
                      std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("what several processes cannot do is told once, before a step") {
  need_quickstart_plugins();
  const Folder folder;
  const auto refused = [&](const std::vector<std::string>& more, const std::map<int, std::vector<std::string>>& own,
                           const std::string& words) {
    INFO(words);
    const auto ran = Ranks(2, small_run(folder / "run", more), folder, own).wait();
    INFO(ran[0].output);
    INFO(ran[1].output);
    CHECK(ran[0].code == 1);
    CHECK(ran[1].code == 1);
    CHECK_THAT(ran[0].output, ContainsSubstring(words));
    CHECK(!std::filesystem::exists(folder.path / "run/checkpoints"));
    return ran;
  };
  CHECK(refused({"dataloader.batch_size=1"}, {}, "batches of 1 windows, too few for 2 processes")[1].output.empty());
  CHECK(refused({"+trainer.devices=3"}, {}, "is 3 on 1 machine, but 2 processes were started")[1].output.empty());
  refused({"model.core.kernal=3"}, {}, "there is no key 'model.core.kernal'");
  refused({}, {{1, {"seed=43"}}}, "rank 1: has 'seed: 43', where rank 0 has 'seed: 42'");
}

TEST_CASE("a port that another program has is told") {
  const Folder folder;
  const Port used;
  const Environment world("WORLD_SIZE", "2"), rank("RANK", "0"), address("MASTER_ADDR", "127.0.0.1");
  const Environment port("MASTER_PORT", used.number), limit("PLEXIFORM_RANK_TIMEOUT", "60");
  const auto ran = run(small_run(folder / "run"), folder / "log", {.seconds = 120});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output, ContainsSubstring("MASTER_PORT: 127.0.0.1:" + used.number + ": cannot be listened to"));
  CHECK_THAT(ran.output, ContainsSubstring("export MASTER_PORT=<a free port>"));
}

TEST_CASE("a port whose listener never answers is not waited for longer than is said") {
  const Folder folder;
  const Port used;
  const auto* const launchers = GENERATE("", "True");  // its store, too, may be another program
  const Environment world("WORLD_SIZE", "2"), rank("RANK", *launchers ? "0" : "1"), address("MASTER_ADDR", "127.0.0.1");
  const Environment store("TORCHELASTIC_USE_AGENT_STORE", launchers);
  const Environment port("MASTER_PORT", used.number), limit("PLEXIFORM_RANK_TIMEOUT", "2");
  const auto ran = run(small_run(folder / "run"), folder / "log", {.seconds = 60});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(ran.output == "MASTER_ADDR: 127.0.0.1:" + used.number +
                          ": rank 0 does not answer there (who listens there has said nothing for 2 s)\n"
                          "  fix: export MASTER_ADDR and MASTER_PORT of rank 0, the same for all processes\n");
}

TEST_CASE("an address that is not rank 0's is told at once") {
  const Folder folder;
  const Environment world("WORLD_SIZE", "2"), rank("RANK", "0"), port("MASTER_PORT", Port().number);
  const auto refusal = [&](const std::string& host) {
    const Environment address("MASTER_ADDR", host);
    const auto ran = run(small_run(folder / "run"), folder / "log", {.seconds = 60});
    CHECK(ran.code == 1);
    return ran.output;
  };
  const std::string fix = "\n  fix: export MASTER_ADDR=<the name or address of rank 0's machine> for all processes\n";
  CHECK(refusal("192.0.2.1") ==
        "MASTER_ADDR: 192.0.2.1: is not an address of this machine, rank 0's" + fix);  // nobody's
  const auto unknown = refusal("nowhere.invalid");
  CHECK_THAT(unknown, ContainsSubstring("MASTER_ADDR: nowhere.invalid: is not known here ("));
  CHECK_THAT(unknown, ContainsSubstring(fix));
}

TEST_CASE("processes that do not come are not waited for longer than is said") {
  const Folder folder;
  const Environment world("WORLD_SIZE", "2"), rank("RANK", "0"), address("MASTER_ADDR", "127.0.0.1");
  const Environment port("MASTER_PORT", Port().number), limit("PLEXIFORM_RANK_TIMEOUT", "2");
  const auto ran = run(small_run(folder / "run"), folder / "log", {.seconds = 60});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.output, ContainsSubstring("the others have not all come within 2 s"));
}

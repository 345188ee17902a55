#include <config/compose.h>
#include <config/info.h>
#include <config/resolve.h>
#include <config/sweep.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "../sanitized.h"

using namespace plexiform::config;
using Files = std::vector<std::pair<std::string, std::string>>;
namespace fs = std::filesystem;

namespace {

const std::string kConfigs = std::string(SOURCE_DIR) + "/configs";
const std::string kGroups = std::string(TEST_DATA) + "/hydra/conf_groups";

// A folder of config files that is removed at the end.
class Folder {
 public:
  explicit Folder(const Files& files)
      : path_(fs::temp_directory_path() /
              ("plexiform_compose_" + std::to_string(::getpid()) + "_" + std::to_string(++count_))) {
    for (const auto& [name, text] : files) {
      fs::create_directories((path_ / name).parent_path());
      std::ofstream(path_ / name) << text;
    }
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

}  // namespace

TEST_CASE("every value knows the file, line and column it was written at") {
  const Composition composition = compose({{kGroups}, "train", {"trainer.max_epochs=9", "+trainer.extra=[1]"}});
  const Node& trainer = *composition.job.find("trainer");
  CHECK(where(*trainer.find("note"), "trainer.note") == kGroups + "/trainer/default.yaml:4:7: trainer.note");
  CHECK(where_key(*trainer.find("note"), "trainer.note") == kGroups + "/trainer/default.yaml:4:1: trainer.note");
  CHECK(where(*composition.job.at_path("optimizer.betas.1"), "") == kGroups + "/optimizer/adamw.yaml:3:14");
  CHECK(where(*trainer.find("max_epochs"), "") == "command line, argument 1");
  CHECK(where(*trainer.at_path("extra.0"), "") == "command line, argument 2");

  const Node job = resolve(composition.job, {composition.hydra, 0});
  CHECK(where(*job.at_path("model.optimizer.lr"), "") == kGroups + "/train.yaml:20:18");
}

TEST_CASE("a composition tells its choices and the files it read") {
  const Composition composition =
      compose({{kGroups}, "train", {"optimizer=sgd", "callbacks=[flat]", "+experiment=sgd_fast"}});
  const std::vector<std::pair<std::string, std::string>> choices = {
      {"data", "demo"},    {"data/split", "clips"},   {"quality", "null"},         {"callbacks", "[flat]"},
      {"logger", "[csv]"}, {"optimizer", "sgd"},      {"optimizer@second", "sgd"}, {"trainer", "fast"},
      {"local", "mine"},   {"experiment", "sgd_fast"}};
  CHECK(composition.choices == choices);
  CHECK(composition.files.size() == 9);
  CHECK(composition.hydra.at_path("overrides.task.0")->string == "optimizer=sgd");
  CHECK(composition.hydra.at_path("job.override_dirname")->string ==
        "+experiment=sgd_fast,callbacks=[flat],optimizer=sgd");
  CHECK(composition.hydra.at_path("runtime.choices")->find("optimizer@second")->string == "sgd");
}

TEST_CASE("the first folder of the search path that has a config gives it") {
  const Folder mine(Files{{"train.yaml", "defaults:\n  - model: small\n"}, {"model/small.yaml", "from: mine\n"}});
  const Folder yours(Files{{"model/small.yaml", "from: yours\n"}, {"model/large.yaml", "from: yours\n"}});
  const auto from = [&](const std::vector<std::string>& overrides) {
    return compose({{mine.path(), yours.path()}, "train.yaml", overrides}).job.at_path("model.from")->string;
  };
  CHECK(from({}) == "mine");
  CHECK(from({"model=large"}) == "yours");
  const auto found = groups({mine.path(), yours.path()});
  REQUIRE(found.back().name == "model");
  CHECK(found.back().options == std::vector<std::string>{"large", "small"});
  CHECK(primary_configs({mine.path(), yours.path()}) == std::vector<std::string>{"train"});
}

TEST_CASE("a search path with a link to itself has an end") {
  const Folder folder(Files{{"model/small.yaml", "size: 1\n"}});
  fs::create_directory_symlink(folder.path(), fs::path(folder.path()) / "again");
  fs::create_directory_symlink(folder.path(), fs::path(folder.path()) / "and_again");
  const auto found = groups({folder.path()});
  CHECK(found.size() < 1000);
  CHECK(std::any_of(found.begin(), found.end(), [](const Group& group) { return group.name == "model"; }));
}

TEST_CASE("hydra.searchpath adds folders") {
  const Folder more(Files{{"model/large.yaml", "size: 9\n"}});
  const Folder mine(
      Files{{"train.yaml", "defaults:\n  - model: large\nhydra:\n  searchpath: [" + more.path() + "]\n"}});
  CHECK(compose({{mine.path()}, "train", {}}).job.at_path("model.size")->integer == 9);
  CHECK_THROWS_AS(compose({{mine.path()}, "train", {"hydra.searchpath=[]"}}), plexiform::Error);
  CHECK_THROWS_AS(compose({{mine.path()}, "train", {"hydra.searchpath=[/not/there]"}}), plexiform::Error);
}

TEST_CASE("runs go to outputs/DATE/TIME unless the config says otherwise") {
  const Folder folder(Files{{"train.yaml", "seed: 1\n"}});
  std::tm noon{};
  noon.tm_year = 125;
  noon.tm_mon = 5;
  noon.tm_mday = 15;
  noon.tm_hour = 12;
  const std::time_t now = std::mktime(&noon);
  const Composition composition = compose({{folder.path()}, "train", {}});
  CHECK(run_folder(composition, now) == (fs::current_path() / "outputs/2025-06-15/12-00-00").string());
  const Composition other = compose({{folder.path()}, "train", {"hydra.run.dir=/runs/${hydra.job.name}_${seed}"}});
  CHECK(run_folder(other, now) == "/runs/plexiform_1");
}

TEST_CASE("keys that look alike stay apart, and keep their kind when written") {
  const Node node = parse_yaml("1: a\n'1': b\ntrue: c\n'true': d\n0.5: e\n", "test.yaml");
  CHECK(to_yaml(node) == "1: c\n'1': b\n'true': d\n0.5: e\n");  // true is the key 1, as in Python
}

TEST_CASE("JSON and back keeps values and their order") {
  const Node node = parse_yaml("b: [1, 2.5, null, yes]\na: {x: text}\n", "test.yaml");
  CHECK(to_json(node).dump() == R"({"b":[1,2.5,null,true],"a":{"x":"text"}})");
  CHECK(to_yaml(from_json(to_json(node))) == to_yaml(node));
  CHECK(from_json("???").kind == Kind::missing);
}

TEST_CASE("twelve files compose within milliseconds") {
  const auto start = std::chrono::steady_clock::now();
  const int times = 10;
  for (int i = 0; i < times; ++i) REQUIRE(compose({{kConfigs}, "hdf5_core_readout", {}}).files.size() == 13);
  const std::chrono::duration<double, std::milli> each = (std::chrono::steady_clock::now() - start) / times;
  CHECK(each.count() < 50 * slower);  // about 1 on an idle core
}

TEST_CASE("oc.dict.keys gives keys of their kind, also of the mapping that it stands in") {
  const Node root = parse_yaml("model: {true: 1, 2: b, names: '${oc.dict.keys:model}'}\n", "test.yaml");
  const Node names = resolve_at(root, "model.names", {});
  CHECK(to_yaml(names) == "- true\n- 2\n- names\n");
}

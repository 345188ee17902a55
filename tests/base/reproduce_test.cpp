// The command that made a run is printed, and what would be different today.
#include <cli/command_line.h>
#include <config/difference.h>
#include <config/run_record.h>

#include <catch2/catch_test_macros.hpp>

#include "../command.h"
#include "../folder.h"

using namespace plexiform;

namespace {

// A folder with a config of its own and the .hydra of a run that was made from it.
struct Made {
  Folder folder;
  std::string run_folder = folder / "run", config = folder / "mine.yaml";

  explicit Made(const std::string& text = "seed: 1\nmodel: {kernel: 13}\n") {
    std::ofstream(config) << text;
    const auto line = cli::parse_command_line("train", {config, "seed=7", "+note='two words'"});
    std::filesystem::create_directories(run_folder + "/.hydra");
    std::ofstream(run_folder + "/.hydra/config.yaml") << config::to_yaml(config::compose(line.request).job);
    std::ofstream(run_folder + "/.hydra/command.yaml")
        << config::to_yaml(config::to_node(config::record(line.request, {}, {})));
  }
  Ran reproduce() { return run({"reproduce", run_folder}, folder / "log"); }
};

}  // namespace

TEST_CASE("a run says which command made it, and that it would give the same config") {
  Made made;
  const Ran ran = made.reproduce();
  const std::string here = std::filesystem::current_path();
  CHECK(ran.output == "cd " + here + " && plexiform train --config-path " + made.folder.path.string() +
                          " --config-name mine seed=7 '+note='\\''two words'\\'''\nIt gives the same config.\n");
  CHECK(ran.code == 0);
}

TEST_CASE("what would be different is listed by dotted path") {
  Made made;
  std::ofstream(made.config) << "seed: 1\nmodel: {kernel: 15, width: 2}\n";
  const Ran ran = made.reproduce();
  CHECK(ran.code == 1);
  CHECK(ran.output.ends_with("It gives another config today:\n  model.kernel: 13 -> 15\n  model.width: only now, 2\n"));
}

TEST_CASE("a config that no longer composes is an error with its place") {
  Made made;
  std::filesystem::remove(made.config);
  const Ran ran = made.reproduce();
  CHECK(ran.code == 1);
  CHECK(ran.output.find("mine: no such config in ") != std::string::npos);
}

TEST_CASE("data that are gone are named") {
  Made made("paths: {data_dir: /not/there, log_dir: /nor/this}\nseed: 1\ndata_io: {path: \"${paths.data_dir}/a\"}\n");
  const Ran ran = made.reproduce();
  CHECK(ran.code == 0);
  CHECK(ran.output.find("note: paths.data_dir: /not/there is gone\n") != std::string::npos);
  CHECK(ran.output.find("note: data_io.path: /not/there/a is gone\n") != std::string::npos);
  CHECK(ran.output.find("/nor/this") == std::string::npos);  // where runs go
}

TEST_CASE("a run of another version says so") {
  Made made;
  const std::string file = made.run_folder + "/.hydra/command.yaml", text = content(file);
  std::ofstream(file) << "version: 0.0.1" << text.substr(text.find('\n'));
  CHECK(made.reproduce().output.find("note: made by plexiform 0.0.1, this is ") != std::string::npos);
}

TEST_CASE("a folder that is no run, or has no command, is refused with the remedy") {
  Made made;
  CHECK(run({"reproduce", made.folder.path}, made.folder / "log").output.find("is no run folder") != std::string::npos);
  std::ofstream(made.run_folder + "/.hydra/command.yaml") << "version: 1\n";
  CHECK(made.reproduce().output.find("has no 'version'") != std::string::npos);
  std::filesystem::remove(made.run_folder + "/.hydra/command.yaml");
  CHECK(made.reproduce().output.find("how it was asked for") != std::string::npos);
  CHECK(run({"reproduce"}, made.folder / "log").code == 2);
}

TEST_CASE("configs differ by value and kind, not by the order of their keys") {
  const auto between = [](const std::string& left, const std::string& right) {
    return config::to_text(config::differences(config::parse_yaml(left, "left"), config::parse_yaml(right, "right")));
  };
  CHECK(between("a: 1\nb: {c: 2}\n", "b: {c: 2}\na: 1\n").empty());
  CHECK(between("a: 1\n", "a: 1.0\n") == "  a: 1 -> 1.0\n");
  CHECK(between("a: ${b}\nb: 1\n", "a: 1\nb: 1\n") == "  a: \"${b}\" -> 1\n");
  CHECK(between("a: [1, 2]\n", "a: [1, 3]\n") == "  a: [1,2] -> [1,3]\n");
  CHECK(between("a: {b: 1}\n", "a: null\n") == "  a: {\"b\":1} -> null\n");
  CHECK(between("a: 1\n", "{}\n") == "  a: no longer, was 1\n");
}

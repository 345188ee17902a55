#include <cli/command_line.h>
#include <cli/reproduce.h>
#include <cli/shell_words.h>
#include <cli/train_words.h>
#include <config/difference.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using config::Kind;
using config::Node;

constexpr const char* about =
    R"sh(Prints the command that made a run, and checks that it would give the same config today.
Usage: plexiform reproduce RUN

What changed since then is listed by dotted path, the run's value first. Exit code: 0 the config is the same, 1 it is not.
To run it again: eval "$(plexiform reproduce RUN)"
)sh";

// Files and folders that the run read: all of `paths` but where it writes and what it fetches, and the paths of
// data_io.
void collect_inputs(const Node& node, const std::string& path, std::vector<std::string>& inputs) {
  constexpr std::array written = {"paths.log_dir", "paths.output_dir", "paths.cache_dir"};
  for (const auto& [key, value] : node.entries) {
    const std::string full = path + "." + key;
    const bool is_path = path == "paths" ? std::find(written.begin(), written.end(), full) == written.end()
                                         : key == "path" || key.ends_with("_path") || key == "basepath";
    if (value.is_map()) collect_inputs(value, full, inputs);
    if (is_path) inputs.push_back(full);
  }
}

std::vector<std::string> missing_inputs(const config::Composition& composition) {
  std::vector<std::string> inputs, missing;
  for (const char* section : {"paths", "data_io"}) {
    if (const Node* node = composition.job.find(section)) collect_inputs(*node, section, inputs);
  }
  for (const auto& input : inputs) {
    try {
      const Node value = config::resolve_at(composition.job, input, {composition.hydra});
      if (value.kind != Kind::string || value.string.find("://") != std::string::npos) continue;
      if (!fs::exists(value.string)) missing.push_back(input + ": " + value.string + " is gone");
    } catch (const Error& e) {
      missing.push_back(e.where() + ": " + e.problem());
    }
  }
  return missing;
}

}  // namespace

int reproduce_command(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1 || (arguments[0].starts_with('-') && arguments[0] != "--help" && arguments[0] != "-h")) {
    throw Usage("which run?\n  fix: plexiform reproduce RUN, with the folder that training printed");
  }
  if (arguments[0].starts_with('-')) {
    fmt::print("{}", about);
    return 0;
  }
  const config::RunRecord made = config::read_record(arguments[0]);
  const Node before = config::read_yaml(arguments[0] + "/.hydra/config.yaml");
  fmt::print("cd {} && plexiform {}\n", shell_quoted(made.working_directory), shell_quoted(train_words(made)));
  std::fflush(stdout);

  std::error_code failed;
  fs::current_path(made.working_directory, failed);
  if (failed) fmt::print(stderr, "note: the folder it ran in is gone: {}\n", made.working_directory);
  if (made.version != PLEXIFORM_VERSION) {
    fmt::print(stderr, "note: made by plexiform {}, this is {}\n", made.version, PLEXIFORM_VERSION);
  }
  const auto composition = config::compose(made.request());
  for (const auto& missing : missing_inputs(composition)) fmt::print(stderr, "note: {}\n", missing);
  const auto changes = config::differences(before, composition.job);
  if (changes.empty()) {
    fmt::print(stderr, "It gives the same config.\n");
    return 0;
  }
  fmt::print(stderr, "It gives another config today:\n{}", config::to_text(changes));
  return 1;
}

}  // namespace plexiform::cli

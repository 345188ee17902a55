#include <cli/command_line.h>
#include <config/info.h>
#include <config/shipped.h>
#include <fmt/format.h>
#include <plugins/config_sources.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* about_train =
    "Trains the model of a config. CONFIG is a file (configs/quickstart.yaml) or, with --config-name, a name on the "
    "search path. "
    "Overrides change it: key=value, +key=value adds a key, ~key removes one, group=option chooses a file of a group.";
constexpr const char* about_evaluate =
    "Scores a trained model on its data, neuron by neuron: prints a table, writes scores.csv and scores.json into the "
    "run folder.";

// The flags, bound to `line`. Kept in one place, so that help and parsing cannot differ.
struct Parser {
  CLI::App app;
  std::string config_path, config_name;
  std::vector<std::string> config_dirs, words;
  bool one_run = false;

  Parser(const std::string& command, CommandLine& line) : app(command == "train" ? about_train : about_evaluate) {
    app.name("plexiform " + command);
    app.set_help_flag();
    app.add_flag("-h,--help", line.help, "this text");
    if (command == "train") {
      app.add_option("--config-name,--cn", config_name, "the config to compose (default: quickstart)");
      app.add_option("--config-path,--cp", config_path,
                     "the folder with it (default: the configs that come with Plexiform)");
      app.add_option("--config-dir,--cd", config_dirs, "one more folder to search for groups")->allow_extra_args(false);
      app.add_option("--cfg,-c", line.cfg, "print the composed config and stop: job, hydra or all")
          ->check(CLI::IsMember({"job", "hydra", "all"}));
      app.add_flag("--resolve", line.resolve, "with --cfg: replace interpolations by their values");
      app.add_option("--package,-p", line.package, "with --cfg: print this part only, such as model.core");
      app.add_option(
             "--info,-i", line.info,
             "print how the config comes about and stop: defaults, defaults-tree, searchpath, plugins, config or "
             "all")
          ->expected(0, 1)
          ->check(CLI::IsMember({"defaults", "defaults-tree", "searchpath", "plugins", "config", "all"}));
      app.add_flag("--multirun,-m", line.multirun,
                   "a run for each value of a key that is given several: seed=1,2,3 model=a,b");
      app.add_option("--jobs,-j", line.jobs, "with -m: runs at a time (default: 1)")->check(CLI::PositiveNumber);
      app.add_option("--launcher", line.launcher,
                     "with -m: local runs here; slurm submits one array job, with sbatch's SBATCH_* variables")
          ->check(CLI::IsMember({"local", "slurm"}));
      app.add_flag("--hydra-help", line.hydra_help, "print Hydra's own groups and stop");
      app.add_flag("--run,-r", one_run, "one run (the default)");
      app.add_flag("--dry-run", line.dry_run, "check everything, print the plan, train nothing");
      app.add_option("--resume", line.resume,
                     "continue the run in this folder, to the same bits; with -m the sweep in this folder");
      app.add_flag("--accept-plugin-change", line.accept_plugin_change,
                   "with --resume: go on although a plugin is not the one that the run used");
      app.add_option("words", words, "CONFIG and overrides");
    } else {
      app.add_option("--split", line.split, "what to score: test or validation")
          ->check(CLI::IsMember({"test", "validation"}));
      app.add_option("words", words, "RUN (a run folder or its model/), then overrides such as paths.data_dir=DIR");
    }
    app.add_option("--plugin", line.plugin_files, "a plugin file to use")->allow_extra_args(false);
    app.add_option("--plugin-path", line.plugin_paths, "a folder with plugins, searched first")
        ->allow_extra_args(false);
    app.add_option("--locked", line.locked, "a plugins.lock of a run: refuse plugins that are not those");
  }
};

// "a, b, c", on lines of at most 110 characters.
std::string wrapped(const std::vector<std::string>& names, const std::string& indent) {
  std::string text, line = indent;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string word = names[i] + (i + 1 < names.size() ? "," : "");
    if (line.size() + 1 + word.size() > 110 && line != indent) {
      text += line + "\n";
      line = indent;
    }
    line += (line == indent ? "" : " ") + word;
  }
  return text + line + "\n";
}

bool is_override(const std::string& word) {
  return word.find('=') != std::string::npos || word.starts_with('~') || word.starts_with('+');
}

}  // namespace

CommandLine parse_command_line(const std::string& command, const std::vector<std::string>& arguments) {
  if (const char* home = std::getenv("HOME")) {  // openretina's configs read it, and openretina sets it
    setenv("OPENRETINA_CACHE_DIRECTORY", (fs::path(home) / "openretina_cache").c_str(), 0);
  }
  CommandLine line;
  Parser parser(command, line);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    for (auto& word : reversed) {                                             // Hydra's short names of two letters
      for (const std::string name : {"-cn", "-cp", "-cd"}) {
        if (word == name || word.starts_with(name + "=")) word.insert(0, "-");
      }
    }
    parser.app.parse(reversed);
    if (const auto* info = parser.app.get_option_no_throw("--info"); info && info->count() && line.info.empty()) {
      line.info = "all";
    }
  } catch (const CLI::ParseError& e) {
    throw Usage(fmt::format("{}\n  fix: see plexiform {} --help", e.what(), command));
  }
  for (const auto& word : parser.words) {
    if (is_override(word)) {
      line.request.overrides.push_back(word);
    } else if (command == "evaluate" && line.target.empty()) {
      line.target = word;
    } else if (command == "train" && word.ends_with(".yaml") && parser.config_name.empty()) {
      const fs::path file(word);
      if (!fs::exists(file)) throw Error(word, "no such file", "name a config file, or use --config-name NAME");
      parser.config_path = file.has_parent_path() ? file.parent_path().string() : ".";
      parser.config_name = file.stem();
    } else {
      throw Usage(fmt::format(
          "argument '{}' is neither an override nor a config file\n  fix: write key=value, or see plexiform {} --help",
          word, command));
    }
  }
  if (command == "evaluate" && line.target.empty() && !line.help) {
    throw Usage("which run?\n  fix: plexiform evaluate RUN, with the folder that training printed");
  }
  if (!line.launcher.empty() && !line.multirun) {
    throw Usage("--launcher goes with -m\n  fix: add -m, or leave it out");
  }
  if (line.accept_plugin_change && line.resume.empty()) {
    throw Usage("--accept-plugin-change goes with --resume\n  fix: leave it out: a new run may use any plugins");
  }
  if (!line.locked.empty() && !line.resume.empty()) {
    throw Usage("--resume holds the run to its own plugins.lock\n  fix: leave --locked out");
  }
  auto& path = line.request.search_path;  // a config of the user's own finds our groups behind its own
  if (!parser.config_path.empty()) path.push_back(parser.config_path);
  path.insert(path.end(), parser.config_dirs.begin(), parser.config_dirs.end());
  path.push_back(config::shipped_configs());
  line.request.name = parser.config_name.empty() ? "quickstart" : parser.config_name;
  return line;
}

std::string help(const std::string& command, const CommandLine& line) {
  CommandLine unused;
  Parser parser(command, unused);
  std::string text = parser.app.help();
  if (command != "train") return text;
  auto configs = config::primary_configs(line.request.search_path);
  std::erase(configs, "defaults");  // shipped.h
  text += "\nConfigs:\n" + wrapped(configs, "  ") + "\nGroups and their options:\n";
  for (auto group : config::groups(line.request.search_path)) {
    if (group.name.starts_with("hydra/")) continue;
    if (group.name == "hydra") std::erase(group.options, "config");  // Hydra's own
    text += fmt::format("  {}:\n{}", group.name, wrapped(group.options, "    "));
  }
  return text + "\nHydra's own groups: plexiform train --hydra-help\n";
}

std::vector<std::string> flags(const std::string& command) {
  CommandLine unused;
  Parser parser(command, unused);
  std::vector<std::string> names;
  for (const auto* option : parser.app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string hydra_help() {
  std::string text = "Hydra's own groups and their options, such as hydra/sweeper=optuna:\n";
  for (const auto& group : config::groups({})) {
    if (group.name.starts_with("hydra/")) text += fmt::format("  {}: {}\n", group.name, fmt::join(group.options, ", "));
  }
  return text + "Keys and their values: plexiform train --cfg hydra\n";
}

plugins::Sources search_order(const CommandLine& line, const config::Composition& composition) {
  return plugins::search_order(composition, line.plugin_files, line.plugin_paths);
}

int report_errors(const char* command, const std::function<int()>& body) {
  const std::string prefix = *command && command[0] != '-' ? fmt::format("plexiform {}: ", command) : "plexiform: ";
  try {
    return body();
  } catch (const Usage& e) {
    fmt::print(stderr, "{}{}\n", prefix, e.what());
    return 2;
  } catch (const Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  } catch (const std::filesystem::filesystem_error& e) {
    fmt::print(stderr, "{}: {}\n  fix: name a place that exists and can be written\n", e.path1().string(),
               e.code().message());
    return 1;
  } catch (const std::bad_alloc&) {
    fmt::print(
        stderr,
        "{}not enough memory\n  fix: a smaller batch, model or data set; train --dry-run prints what a run needs\n",
        prefix);
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}{}\n  fix: this is not a message meant for users: please report it with the command\n",
               prefix, e.what());
    return 1;
  }
}

}  // namespace plexiform::cli

// The project is share/plexiform/template/{common,KIND} with these words replaced, in names of files and in their text:
//   @name@ my_core · @Name@ MyCore · @kind@ core · @kinds@ cores
//   @prefix@ the host's folder · @plexiform@ the command to type
#include <cli/command_line.h>
#include <cli/parse.h>
#include <cli/plugins_new.h>
#include <cli/shell_words.h>
#include <files/atomic_file.h>
#include <files/new_folder.h>
#include <files/prefix.h>
#include <fmt/format.h>
#include <plugins/catalogue.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace plexiform::cli {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::pair<std::string, std::string>>;

// Targets of every build, and the name that a project's own `struct Params` has.
const std::vector<std::string> reserved = {"all",        "clean",         "depend",         "edit_cache", "help",
                                           "install",    "package",       "package_source", "params",     "plexiform",
                                           "preinstall", "rebuild_cache", "test",           "torch"};

// "ConvGRU", "conv-gru" and "conv gru" -> "conv_gru".
std::string identifier(const std::string& name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c > 127 || !std::isalnum(c)) {
      if (!result.empty() && result.back() != '_') result += '_';
      continue;
    }
    const bool starts_word = std::isupper(c) && i > 0 && !std::isupper(static_cast<unsigned char>(name[i - 1]));
    if (starts_word && !result.empty() && result.back() != '_') result += '_';
    result += static_cast<char>(std::tolower(c));
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  return result;
}

// "conv_gru" -> "ConvGru"
std::string class_name(const std::string& name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_') continue;
    const bool first = i == 0 || name[i - 1] == '_';
    result += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[i]))) : name[i];
  }
  return result;
}

bool is_reserved(const std::string& name) {
  return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

void check_name(const std::string& name, const std::string& kind) {
  std::string better = identifier(name).substr(0, 40);
  if (better.empty() || is_reserved(better) || !std::isalpha(static_cast<unsigned char>(better[0]))) {
    better = better.empty()                                        ? "my_" + kind
             : std::isalpha(static_cast<unsigned char>(better[0])) ? better + "_" + kind
                                                                   : kind + "_" + better;
  }
  if (better != name) {
    throw Error(
        name, is_reserved(name) ? "is a name that its project needs for something else" : "is no name for a plugin",
        fmt::format("use {}: a small letter first, then small letters, digits and single '_', 40 at most", better));
  }
  const auto catalogue = plugins::Catalogue::discover(plugins::search_order());
  if (const auto* file = catalogue.find_plugin(name)) {
    throw Error(name, "is the name of a plugin that is there, which the new one would hide: " + file->path,
                fmt::format("choose another name, such as my_{}", name));
  }
}

std::string replaced(std::string text, const Words& words) {
  for (const auto& [word, value] : words) {
    for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
      text.replace(at, word.size(), value);
    }
  }
  return text;
}

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// "plexiform" where the shell finds this program by that name, else its path.
std::string command(const fs::path& prefix) {
  const fs::path own = prefix / "bin/plexiform";
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');) {
    std::error_code none;
    if (!fs::exists(fs::path(folder) / "plexiform", none)) continue;
    return fs::equivalent(fs::path(folder) / "plexiform", own, none) ? "plexiform" : shell_quoted(own);
  }
  return shell_quoted(own);
}

void write_project(const std::string& folder, const std::string& kind, const Words& words) {
  const fs::path templates = files::prefix() / "share/plexiform/template";
  files::NewFolder project(folder);
  for (const std::string part : {"common", kind.c_str()}) {
    if (!fs::is_directory(templates / part)) {
      throw Error((templates / part).string(), "is not there", "install Plexiform again: its templates are missing");
    }
    for (const auto& entry : fs::directory_iterator(templates / part)) {
      files::write_atomically(project.path() + "/" + replaced(entry.path().filename(), words),
                              replaced(content(entry.path()), words));
    }
  }
  project.move_into_place();
}

}  // namespace

int plugins_new_command(const std::vector<std::string>& arguments) {
  CLI::App app("Writes a small project: a core, readout or loss that works, to be changed into yours.",
               "plexiform plugins new");
  std::string kind, name, parent = ".";
  app.add_option("KIND", kind, "core, readout or loss")->required()->check(CLI::IsMember({"core", "readout", "loss"}));
  app.add_option("NAME", name, "such as my_core: of the folder, the source and, as MyCore, the class")->required();
  app.add_option("--dir", parent, "where to make the folder NAME")->capture_default_str()->type_name("DIR");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& e) {
    throw Usage(fmt::format("{}\n  fix: plexiform plugins new core my_core", problem(app, e)));
  }
  const std::string folder = parent == "." ? name : (fs::path(parent) / name).string();
  check_name(name, kind);
  if (fs::exists(fs::symlink_status(folder)))
    throw Error(folder, "is there already", "choose another name, or --dir DIR");
  const std::string prefix = shell_quoted(files::prefix()), plexiform = command(files::prefix());
  const std::string kinds = kind == "loss" ? "losses" : kind + "s";
  write_project(folder, kind,
                {{"@name@", name},
                 {"@Name@", class_name(name)},
                 {"@kind@", kind},
                 {"@kinds@", kinds},
                 {"@prefix@", prefix},
                 {"@plexiform@", plexiform}});
  fmt::print(
      "{0}/ holds a {1}, mylab.{6}.{2}, with its test and a config. Next:\n"
      "  cd {0}\n"
      "  cmake -B build -DCMAKE_PREFIX_PATH={3}\n"
      "  cmake --build build --parallel\n"
      "  {4} train {5}.yaml --plugin build/{5}.plexiform.so paths.data_dir=DIR\n"
      "DIR: recordings, such as those of `{4} create-data DIR`. README.md says more.\n",
      shell_quoted(folder), kind, class_name(name), prefix, plexiform, name, kinds);
  return 0;
}

}  // namespace plexiform::cli

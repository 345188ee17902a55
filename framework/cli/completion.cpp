#include <cli/command_line.h>
#include <cli/completion.h>
#include <cli/config_completion.h>
#include <cli/shell_words.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// Each command with what may follow it; those of train and evaluate are asked of their parser.
const std::map<std::string, Words> commands = {{"train", {}},
                                               {"evaluate", {}},
                                               {"create-data",
                                                {"--force", "--frames", "--full", "--help", "--layout", "--neurons",
                                                 "--repeats", "--seed", "--sessions", "--test-frames"}},
                                               {"data", {"inspect", "check", "convert", "--help"}},
                                               {"import", {"--help", "--output", "--plugin", "--plugin-path"}},
                                               {"export", {"--help", "--output", "--plugin", "--plugin-path"}},
                                               {"ensemble", {"--help", "--output"}},
                                               {"predict", {"--help", "--output", "--tap"}},
                                               {"stream", {"--frames", "--help", "--output", "--session", "--threads"}},
                                               {"plugins", {"list", "inspect", "check", "doctor", "new", "--help"}},
                                               {"reproduce", {"--help"}},
                                               {"completion", {"bash", "zsh", "fish", "--help"}}};

// Words to come: "--cfg" is followed by "job", ...
const std::map<std::string, Words> flag_values = {
    {"--cfg", {"job", "hydra", "all"}},
    {"-c", {"job", "hydra", "all"}},
    {"--info", {"defaults", "defaults-tree", "searchpath", "plugins", "config", "all"}},
    {"-i", {"defaults", "defaults-tree", "searchpath", "plugins", "config", "all"}},
    {"--split", {"test", "validation"}}};
const Words config_flags = {"--config-name", "--cn", "-cn"};
const Words path_flags = {"--config-path", "--cp",     "-cp",      "--config-dir", "--cd",
                          "-cd",           "--resume", "--plugin", "--plugin-path"};

bool holds(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Files and folders that `start` may become; of files, those that end in `suffix`.
Words paths(const std::string& start, const std::string& suffix) {
  const auto slash = start.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : start.substr(0, slash + 1);
  Words found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && !start.substr(folder.size()).starts_with('.')) continue;
    if (entry.is_directory(failed)) {
      found.push_back(folder + name + "/");
    } else if (name.ends_with(suffix)) {
      found.push_back(folder + name);
    }
  }
  return found;
}

// Of a command that reads a config. `before`: the words between the command and the one at the cursor.
Words after_config_command(const std::string& command, const Words& before, const std::string& word) {
  const std::string last = before.empty() ? "" : before.back();
  if (holds(config_flags, last)) return config_names(before);
  if (holds(path_flags, last)) return paths(word, last.starts_with("--plugin") ? ".so" : "/");
  if (const auto values = flag_values.find(last); values != flag_values.end()) return values->second;
  if (word.starts_with('-')) return flags(command);
  if (command == "evaluate") return paths(word, "/");
  Words found = overrides(before, word);
  const Words files = word.find('=') == std::string::npos ? paths(word, ".yaml") : Words();
  found.insert(found.end(), files.begin(), files.end());
  return found;
}

Words candidates(const Words& words) {
  const std::string& word = words.back();
  if (words.size() < 2) return {};
  if (words.size() == 2) {
    Words names = {"--help", "--version"};
    for (const auto& [name, unused] : commands) names.push_back(name);
    return names;
  }
  const std::string command = words[1] == "eval" ? "evaluate" : words[1];
  const auto known = commands.find(command);
  if (known == commands.end()) return {};
  if (command == "train" || command == "evaluate") {
    return after_config_command(command, {words.begin() + 2, words.end() - 1}, word);
  }
  const Words with_path = {"create-data", "reproduce", "predict", "stream", "import", "export", "ensemble"};
  if (holds(with_path, command)) {
    if (!word.starts_with('-')) return paths(word, command == "import" ? ".ckpt" : "/");
  } else if (words.size() > 3) {
    return command == "data" ? paths(word, "") : Words();
  }
  return known->second;
}

constexpr const char* bash_script = R"sh(# Completion of plexiform for bash: eval "$(plexiform completion bash)"
_plexiform() {
  local line=${COMP_LINE:0:COMP_POINT} IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" --complete "$line" 2>/dev/null))
  local word=${line##* }                # bash completes what follows the last = or : of a word,
  local done=${word%"${word##*[=:]}"}   # so what comes before is left out of the answers
  COMPREPLY=("${COMPREPLY[@]#"$done"}")
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=./,] ]] && compopt -o nospace
  return 0
}
complete -o nosort -F _plexiform plexiform
)sh";

constexpr const char* zsh_script = R"sh(# Completion of plexiform for zsh: eval "$(plexiform completion zsh)"
_plexiform() {
  local -a answers
  answers=("${(@f)$("${words[1]}" --complete "${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  compadd -Q -S '' -- ${(M)answers:#*[=./,]}
  compadd -Q -- ${answers:#*[=./,]}
}
compdef _plexiform plexiform
)sh";

constexpr const char* fish_script = R"sh(# Completion of plexiform for fish: plexiform completion fish | source
function __plexiform_complete
    set -l line (commandline -cp | string collect)
    command plexiform --complete "$line" 2>/dev/null
end
complete -c plexiform -f -a '(__plexiform_complete)'
)sh";

constexpr const char* about = R"sh(Prints what makes a shell complete plexiform's command lines on the Tab key.
Usage: plexiform completion bash|zsh|fish

  bash  eval "$(plexiform completion bash)"       in ~/.bashrc
  zsh   eval "$(plexiform completion zsh)"        in ~/.zshrc, after compinit
  fish  plexiform completion fish | source        in ~/.config/fish/config.fish
)sh";

}  // namespace

std::vector<std::string> completions(const std::string& line) {
  const Words words = typed_words(line);
  Words found;
  try {
    found = candidates(words);
  } catch (const std::exception&) {  // a line that is still being typed may be wrong in every way
    return {};
  }
  std::erase_if(found, [&](const std::string& each) { return !each.starts_with(words.back()); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

int completion_command(const std::vector<std::string>& arguments) {
  const std::map<std::string, const char*> texts = {
      {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}, {"--help", about}, {"-h", about}};
  const auto text = arguments.size() == 1 ? texts.find(arguments[0]) : texts.end();
  if (text == texts.end()) throw Usage("for which shell?\n  fix: plexiform completion bash, zsh or fish");
  fmt::print("{}", text->second);
  return 0;
}

int complete_command(const std::vector<std::string>& arguments) {
  for (const auto& each : completions(arguments.empty() ? "" : arguments[0])) fmt::print("{}\n", each);
  return 0;
}

}  // namespace plexiform::cli

#include <config/compose.h>
#include <config/hydra_files.h>
#include <config/repository.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace plexiform::config {
namespace fs = std::filesystem;
namespace {

bool yaml_file(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }

// "a.b" of a first line "# @package a.b". An ordinary comment before it makes it an ordinary
// comment too.
std::optional<std::string> package_header(const std::string& text, const std::string& file) {
  std::istringstream lines(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
  std::optional<std::string> package;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string first, key;
    if (!(words >> first)) continue;
    if (first[0] != '#') break;
    const auto hashes = first.find_first_not_of('#');
    if (hashes != std::string::npos) {
      if (hashes != 1) break;
      key = first.substr(hashes);
    } else if (first != "#" || !(words >> key)) {
      break;
    }
    if (key[0] != '@') break;
    std::string value, more;
    words >> value >> more;
    if (value.empty() || !more.empty()) {
      throw Error(file + ":" + std::to_string(number) + ":1", "a header that is no '# @key value'",
                  "write: # @package a.b");
    }
    if (key == "@package") package = value;
  }
  return package;
}

ConfigFile parsed(const std::string& name, const std::string& file, const std::string& text) {
  ConfigFile config{name, file, parse_yaml(text, file), {}, package_header(text, file)};
  if (!config.content.is_map()) return config;
  auto& entries = config.content.entries;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (entry->first != "defaults") continue;
    if (!entry->second.is_list()) {
      throw Error(where(entry->second, "defaults"), "is not a list", "write one '- group: option' per line");
    }
    config.defaults = std::move(entry->second);
    entries.erase(entry);
    break;
  }
  return config;
}

std::string text_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error(path.string(), "cannot be read", "check that you may read the file");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

bool is_file(const fs::path& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed);
}

bool is_folder(const fs::path& path) {
  std::error_code failed;
  return fs::is_directory(path, failed);
}

}  // namespace

Repository::Repository(std::vector<std::string> folders) {
  for (const auto& folder : folders) append(folder);
}

void Repository::append(const std::string& folder) {
  if (!is_folder(folder)) {
    throw Error(folder, "no such config folder", "name a folder that holds YAML files");
  }
  folders_.push_back(folder);
}

const ConfigFile* Repository::load(const std::string& name) {
  auto [found, fresh] = loaded_.try_emplace(name);
  if (!fresh) return found->second ? &*found->second : nullptr;
  for (const auto& file : hydra_files()) {
    if (file.name != name) continue;
    found->second = parsed(name, "Hydra's own " + name, std::string(file.text));
    return &*found->second;
  }
  for (const auto& folder : folders_) {
    const fs::path path = (fs::path(folder) / (yaml_file(name) ? name : name + ".yaml")).lexically_normal();
    if (!is_file(path)) continue;
    found->second = parsed(name, path.string(), text_of(path));
    files_.push_back(path.string());
    return &*found->second;
  }
  return nullptr;
}

bool Repository::has_group(const std::string& group) const {
  for (const auto& file : hydra_files()) {
    if (file.name.size() > group.size() && file.name.starts_with(group) && file.name[group.size()] == '/') {
      return true;
    }
  }
  for (const auto& folder : folders_) {
    if (!group.empty() && is_folder(fs::path(folder) / group)) return true;
  }
  return false;
}

std::vector<std::string> Repository::options(const std::string& group) const { return list(group, false); }

std::vector<std::string> Repository::subgroups(const std::string& group) const { return list(group, true); }

std::vector<std::string> Repository::list(const std::string& group, bool groups) const {
  std::set<std::string> names;
  const std::string prefix = group.empty() ? "" : group + "/";
  for (const auto& file : hydra_files()) {
    if (!file.name.starts_with(prefix)) continue;
    const std::string_view rest = file.name.substr(prefix.size());
    const auto slash = rest.find('/');
    if ((slash != std::string_view::npos) == groups) names.emplace(rest.substr(0, slash));
  }
  for (const auto& folder : folders_) {
    std::error_code failed;
    for (fs::directory_iterator at(fs::path(folder) / group, failed), end; !failed && at != end; at.increment(failed)) {
      const std::string name = at->path().filename().string();
      std::error_code vanished;
      if (name.starts_with('.')) continue;
      if (groups ? at->is_directory(vanished) : yaml_file(name) && at->is_regular_file(vanished)) {
        names.insert(groups ? name : at->path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace plexiform::config

#include <cli/train_words.h>

namespace plexiform::cli {

std::vector<std::string> train_words(const config::RunRecord& record) {
  std::vector<std::string> words = {"train"};
  const auto add = [&](const std::string& flag, const std::string& value) { words.insert(words.end(), {flag, value}); };
  for (const auto& folder : record.search_path) {
    add(&folder == &record.search_path.front() ? "--config-path" : "--config-dir", folder);
  }
  add("--config-name", record.config);
  for (const auto& file : record.plugin_files) add("--plugin", file);
  for (const auto& folder : record.plugin_paths) add("--plugin-path", folder);
  words.insert(words.end(), record.overrides.begin(), record.overrides.end());
  return words;
}

}  // namespace plexiform::cli

#include <cli/host/where_it_ran.h>
#include <config/run_record.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::cli {

namespace fs = std::filesystem;

void go_where_it_ran(std::string& run, CommandLine& line) {
  if (!fs::exists(run + "/.hydra/command.yaml")) return;
  const auto made = config::read_record(run);
  const auto begin_at = [](const fs::path& folder, std::vector<std::string>& paths) {
    for (auto& path : paths) path = (folder / path).lexically_normal().string();
  };
  const fs::path here = fs::current_path();
  run = (here / run).lexically_normal().string();
  if (!line.locked.empty()) line.locked = (here / line.locked).string();
  begin_at(here, line.plugin_files);
  begin_at(here, line.plugin_paths);
  if (line.plugin_files.empty() && line.plugin_paths.empty()) {
    line.plugin_files = made.plugin_files;
    line.plugin_paths = made.plugin_paths;
    begin_at(made.working_directory, line.plugin_files);
    begin_at(made.working_directory, line.plugin_paths);
  }
  for (auto& word : line.request.overrides) {
    const std::string plain = word.substr(std::min(word.size(), word.find_first_not_of('+')));
    if (!plain.starts_with("paths.") && !plain.starts_with("data_io.")) continue;
    const size_t equals = word.find('=');
    const fs::path value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (value.is_relative() && !value.empty() && fs::exists(value))
      word.replace(equals + 1, word.npos, (here / value).string());
  }
  std::error_code gone;
  fs::current_path(made.working_directory, gone);  // absolute paths do without it
}

}  // namespace plexiform::cli

#include <cli/host/where_it_ran.h>
#include <config/run_record.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::cli {

namespace fs = std::filesystem;

namespace {

// The run whose folder or model/ it is; "" without a record.
std::string run_of(const std::string& run_or_model) {
  const auto recorded = [](const fs::path& folder) { return fs::exists(folder / ".hydra/command.yaml"); };
  if (recorded(run_or_model)) return run_or_model;
  const fs::path above = fs::weakly_canonical(run_or_model).parent_path();
  return recorded(above) ? above.string() : "";
}

void begin_at(const fs::path& folder, std::vector<std::string>& paths) {
  for (auto& path : paths) path = (folder / path).lexically_normal().string();
}

void add_recorded(const config::RunRecord& made, std::vector<std::string>& files, std::vector<std::string>& folders) {
  if (!files.empty() || !folders.empty()) return;
  files = made.plugin_files;
  folders = made.plugin_paths;
  begin_at(made.working_directory, files);
  begin_at(made.working_directory, folders);
  std::erase_if(files, [](const std::string& file) { return !fs::exists(file); });  // it may be installed by now
}

}  // namespace

void add_plugin_options(CLI::App& app, host::Plugins& plugins, const std::string& otherwise) {
  app.add_option("--plugin", plugins.files, "a plugin file to look into first" + otherwise)->take_all();
  app.add_option("--plugin-path", plugins.folders, "a folder with plugins to look into")->take_all();
}

void add_plugins_of_run(const std::string& run_or_model, host::Plugins& plugins) {
  const std::string run = run_of(run_or_model);
  if (!run.empty()) add_recorded(config::read_record(run), plugins.files, plugins.folders);
}

void go_where_it_ran(std::string& run, CommandLine& line) {
  const std::string recorded = run_of(run);
  if (recorded.empty()) return;
  const auto made = config::read_record(recorded);
  const fs::path here = fs::current_path();
  run = (here / run).lexically_normal().string();
  if (!line.locked.empty()) line.locked = (here / line.locked).string();
  begin_at(here, line.plugin_files);
  begin_at(here, line.plugin_paths);
  add_recorded(made, line.plugin_files, line.plugin_paths);
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

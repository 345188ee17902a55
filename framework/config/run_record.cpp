#include <config/run_record.h>
#include <config/shipped.h>

#include <filesystem>

namespace plexiform::config {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

// The fields by name, once for writing and reading.
template <class Record, class Text, class List>
void each_field(Record& record, Text&& text, List&& list) {
  text("version", record.version);
  text("working_directory", record.working_directory);
  text("config", record.config);
  list("search_path", record.search_path);
  list("overrides", record.overrides);
  list("plugin_files", record.plugin_files);
  list("plugin_paths", record.plugin_paths);
}

[[noreturn]] void refuse(const std::string& file, const std::string& key) {
  throw Error(file, "has no '" + key + "' that makes sense", "restore the file");
}

std::string text_of(const Node& node, const std::string& file, const std::string& key) {
  if (node.kind == Kind::missing) return "???";
  if (node.kind != Kind::string && node.kind != Kind::interpolation) refuse(file, key);
  return node.string;
}

}  // namespace

Request RunRecord::request() const {
  Texts path = search_path;
  path.push_back(shipped_configs());
  return {path, config, overrides};
}

RunRecord record(const Request& request, Texts plugin_files, Texts plugin_paths) {
  Texts path = request.search_path;
  if (!path.empty() && path.back() == shipped_configs()) path.pop_back();
  std::error_code failed;
  return {PLEXIFORM_VERSION, fs::current_path(failed).string(), request.name,           std::move(path),
          request.overrides, std::move(plugin_files),           std::move(plugin_paths)};
}

Node to_node(const RunRecord& record) {
  Node node = Node::map();
  each_field(
      record, [&](const char* key, const std::string& value) { node[key] = Node::text(value); },
      [&](const char* key, const Texts& values) {
        node[key] = Node::list();
        for (const auto& value : values) node[key].items.push_back(Node::text(value));
      });
  return node;
}

RunRecord record_from(const Node& node, const std::string& file) {
  const auto find = [&](const char* key) {
    const Node* value = node.find(key);
    if (!value) refuse(file, key);
    return value;
  };
  RunRecord record;
  each_field(
      record, [&](const char* key, std::string& value) { value = text_of(*find(key), file, key); },
      [&](const char* key, Texts& values) {
        if (!find(key)->is_list()) refuse(file, key);
        for (const auto& item : find(key)->items) values.push_back(text_of(item, file, key));
      });
  return record;
}

RunRecord read_record(const std::string& run_folder) {
  const std::string file = run_folder + "/.hydra/command.yaml";
  if (!fs::exists(run_folder + "/.hydra/config.yaml")) {
    throw Error(run_folder, "is no run folder: it has no .hydra/config.yaml",
                "name the folder that training printed as its run folder");
  }
  if (!fs::exists(file)) {
    throw Error(file, "no such file: the run does not say how it was asked for",
                "its config is .hydra/config.yaml, its overrides are in .hydra/overrides.yaml");
  }
  return record_from(read_yaml(file), file);
}

}  // namespace plexiform::config

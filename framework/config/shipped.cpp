#include <config/compose.h>
#include <config/shipped.h>
#include <files/prefix.h>

#include <filesystem>

namespace plexiform::config {
namespace {

void fill(Node& node, const Node& defaults, const std::string& path, std::vector<std::string>& notes) {
  const Node* target = defaults.find("_target_");
  if (node.is_null() && target) {
    node = defaults;
    notes.push_back(path + ": the config names none, " + target->string + " is used");
  }
  if (target || !node.is_map()) return;
  for (const auto& [key, value] : defaults.entries)
    fill(node[key], value, path.empty() ? key : path + "." + key, notes);
}

}  // namespace

std::string shipped_configs() { return files::prefix() / "share/plexiform/configs"; }

std::vector<std::string> fill_dangling(Node& job) {
  std::vector<std::string> notes;
  for (const auto& [key, option] :
       {std::pair<std::string, std::string>{"optimizer", "adamw"}, {"lr_scheduler", "reduce_lr_on_plateau"}}) {
    const Node* pointer = job.at_path("model." + key);
    if (job.find(key) || !pointer || pointer->kind != Kind::interpolation || pointer->string != "${" + key + "}")
      continue;
    job[key] = read_yaml(shipped_configs() + "/" + key + "/" + option + ".yaml");
    notes.push_back(key + ": the config names none, " + option + " is used");
  }
  return notes;
}

std::vector<std::string> fill_defaults(Node& job) {
  std::vector<std::string> notes;
  const std::string file = shipped_configs() + "/defaults.yaml";
  if (std::filesystem::exists(file)) fill(job, read_yaml(file), "", notes);
  return notes;
}

}  // namespace plexiform::config

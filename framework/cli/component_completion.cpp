#include <cli/component_completion.h>
#include <plugins/catalogue.h>

namespace plexiform::cli {
namespace {

plugins::Catalogue catalogue() { return plugins::Catalogue::discover(plugins::search_order()); }

}  // namespace

std::vector<std::string> component_names(const std::string& kind) {
  std::vector<std::string> names;
  const auto plugins = catalogue();
  for (const auto& file : plugins.files()) {
    if (!file.note || !file.problems.empty()) continue;
    for (const auto& component : file.note->components) {
      if (component.kind == kind) names.push_back(component.name);
    }
  }
  return names;
}

std::vector<std::string> component_knobs(const std::string& target) {
  const auto plugins = catalogue();
  const auto found = plugins.find(target, "");
  std::vector<std::string> knobs;
  for (const auto& component : found.file->components) {
    if (component.at("name") != found.component.name) continue;
    for (const auto& knob : component.at("knobs")) knobs.push_back(knob.at("name"));
  }
  return knobs;
}

}  // namespace plexiform::cli

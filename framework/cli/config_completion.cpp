#include <cli/command_line.h>
#include <cli/component_completion.h>
#include <cli/config_completion.h>
#include <config/info.h>

#include <algorithm>

namespace plexiform::cli {
namespace {

using Words = std::vector<std::string>;

// The request of a line that is still being typed: what cannot be read is left out.
config::Request typed_request(const Words& words) {
  try {
    return parse_command_line("train", words).request;
  } catch (const std::exception&) {
    return parse_command_line("train", {}).request;
  }
}

config::Composition composed(const config::Request& request) {
  try {
    return config::compose(request);
  } catch (const Error&) {
    config::Request plain = request;
    plain.overrides.clear();
    return config::compose(plain);
  }
}

// "a,b" -> "a,": what a list or a sweep has so far.
std::string earlier_values(const std::string& value) {
  const auto last = value.find_last_of(",[");
  return last == std::string::npos ? "" : value.substr(0, last + 1);
}

// Values that the key at the left of the '=' may get.
Words values(const config::Request& request, const std::string& address, const std::string& written) {
  for (const auto& group : config::groups(request.search_path)) {
    if (group.name != address.substr(0, address.find('@'))) continue;
    Words found;
    for (const auto& option : group.options) found.push_back(earlier_values(written) + option);
    return found;
  }
  for (const auto& [kind, key] : {std::pair{"core", "model.core"}, std::pair{"readout", "model.readout"},
                                  std::pair{"loss", "model.loss"}, std::pair{"loss", "model.evaluation_loss"}}) {
    if (address == std::string(key) + "._target_") return component_names(kind);
  }
  const auto composition = composed(request);
  const bool hydras = address.starts_with("hydra.");
  const config::Node* node = hydras ? composition.hydra.at_path(address.substr(6)) : composition.job.at_path(address);
  if (!node || node->is_map()) return {};
  if (node->kind == config::Kind::boolean) return {"true", "false"};
  const std::string text = config::to_yaml(*node);
  const bool one_line = std::count(text.begin(), text.end(), '\n') == 1 && !node->is_list();
  return one_line && !written.size() ? Words{text.substr(0, text.size() - 1)} : Words{};
}

// The keys below `parent`, "model." for a mapping and "seed=" for a value.
void keys(const config::Node& node, const std::string& parent, bool mappings_only, Words& found) {
  for (const auto& [key, value] : node.entries) {
    const bool deeper = value.is_map() && !value.entries.empty();
    if (deeper || !mappings_only) found.push_back(parent + key + (deeper ? "." : "="));
  }
}

// Hyperparameters of the component that `node` configures, as far as they are not there yet.
void new_knobs(const config::Node& node, const std::string& parent, Words& found) {
  const config::Node* target = node.find("_target_");
  if (!target || target->kind != config::Kind::string) return;
  try {
    for (const auto& knob : component_knobs(target->string)) {
      if (!node.find(knob)) found.push_back(parent + knob + "=");
    }
  } catch (const Error&) {  // no component of ours
  }
}

Words names(const config::Request& request, const std::string& prefix, const std::string& start) {
  const auto composition = composed(request);
  const bool hydras = start.starts_with("hydra");
  Words found, chosen;
  for (const auto& [group, option] : composition.choices) {
    chosen.push_back(group.substr(0, group.find('@')));
    if (prefix != "+") found.push_back(group + "=");
  }
  for (const auto& group : config::groups(request.search_path)) {
    const bool used = std::find(chosen.begin(), chosen.end(), group.name) != chosen.end();
    if (group.name.starts_with("hydra/") ? hydras && prefix.empty() : !used && prefix == "+") {
      found.push_back(group.name + "=");
    }
  }
  const auto dot = start.rfind('.');
  const bool adds = prefix == "+";  // a value that is there cannot be added
  if (hydras) {
    if (dot == std::string::npos) {
      found.push_back("hydra.");
    } else if (const auto* node = composition.hydra.at_path(dot < 6 ? "" : start.substr(6, dot - 6)); node) {
      keys(*node, start.substr(0, dot + 1), adds, found);
    }
    return found;
  }
  const std::string parent = dot == std::string::npos ? "" : start.substr(0, dot);
  const auto* node = composition.job.at_path(parent);
  if (node && adds && !parent.empty()) new_knobs(*node, parent + ".", found);
  if (node) keys(*node, parent.empty() ? "" : parent + ".", adds, found);
  return found;
}

}  // namespace

std::vector<std::string> config_names(const std::vector<std::string>& words) {
  const Words before(words.begin(), words.end() - 1);  // without the flag that asks for it
  auto configs = config::primary_configs(typed_request(before).search_path);
  std::erase(configs, "defaults");  // config/shipped.h
  return configs;
}

std::vector<std::string> overrides(const std::vector<std::string>& words, const std::string& start) {
  const auto request = typed_request(words);
  const std::string prefix = start.substr(0, start.find_first_not_of("+~"));
  const std::string rest = start.substr(std::min(prefix.size(), start.size()));
  const auto equals = rest.find('=');
  Words found;
  if (equals == std::string::npos) {
    found = names(request, prefix, rest);
  } else {
    const std::string key = rest.substr(0, equals + 1);
    for (const auto& value : values(request, rest.substr(0, equals), rest.substr(equals + 1))) {
      found.push_back(key + value);
    }
  }
  for (auto& each : found) {
    if (prefix == "~" && each.ends_with('=')) each.pop_back();
    each.insert(0, prefix);
  }
  return found;
}

}  // namespace plexiform::cli

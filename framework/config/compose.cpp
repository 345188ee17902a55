#include <config/apply.h>
#include <config/compose.h>
#include <config/defaults.h>
#include <config/hydra_files.h>
#include <config/merge.h>
#include <config/opened_request.h>
#include <config/resolve.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace plexiform::config {
namespace {

namespace fs = std::filesystem;

// Absolute, if the working directory still exists.
std::string absolute(const std::string& path) {
  std::error_code failed;
  const fs::path whole = fs::absolute(path, failed);
  return (failed ? fs::path(path) : whole).lexically_normal().string();
}

// The content inside mappings for each part of the package.
Node wrapped(const Node& content, const std::string& package) {
  Node node = content;
  const auto steps = path_steps(package);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    Node outer = Node::map();
    outer.location = content.location;
    outer[*step] = std::move(node);
    outer.entries[0].second.key_location = content.location;
    node = std::move(outer);
  }
  return node;
}

void merge_step(Node& config, const Step& step) {
  try {
    if (step.package.empty() && !step.config->content.is_map()) {
      throw Error(step.config->content.location.text(), "the file is a list", "write 'key: value' lines");
    }
    merge(config, "", step.package.empty() ? step.config->content : wrapped(step.config->content, step.package));
  } catch (const Error& e) {
    if (step.chain.empty()) throw;
    throw Error(e.where(), e.problem() + " (this file is " + step.chain + ")", e.fix());
  }
}

// Hydra's own node takes only the keys it knows.
void check_hydra_keys(const Node& node, const Node& known, const std::string& path) {
  if (!hydra_fixes_keys(path) || !node.is_map() || !known.is_map()) return;
  for (const auto& [key, value] : node.entries) {
    const Node* same = known.find(key);
    const std::string full = path + "." + key;
    if (!same) {
      throw Error(where_key(value, full), "no such key of Hydra's", did_you_mean(key, known.keys()));
    }
    check_hydra_keys(value, *same, full);
  }
}

Node texts(const std::vector<std::string>& items) {
  Node list = Node::list();
  for (const auto& item : items) list.items.push_back(Node::text(item));
  return list;
}

void set_record(Node& hydra, const std::string& path, Node value) {
  const auto dot = path.rfind('.');
  Node* section = hydra.at_path(path.substr(0, dot));
  if (section && section->is_map()) (*section)[path.substr(dot + 1)] = std::move(value);
}

std::string override_dirname(const Node& hydra, const std::vector<std::string>& overrides,
                             const std::vector<std::string>& keys) {
  const auto setting = [&](const std::string& name, const std::string& otherwise) {
    const Node* node = hydra.at_path("job.config.override_dirname." + name);
    return node && node->kind == Kind::string ? node->string : otherwise;
  };
  const Node* excluded = hydra.at_path("job.config.override_dirname.exclude_keys");
  std::vector<std::string> parts;
  for (size_t i = 0; i < overrides.size(); ++i) {
    const bool skip = excluded && std::any_of(excluded->items.begin(), excluded->items.end(),
                                              [&](const Node& item) { return item.string == keys[i]; });
    if (!skip) parts.push_back(overrides[i]);
  }
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : setting("item_sep", ",")) + part;
  std::string result;
  for (const char c : text) result += c == '=' ? setting("kv_sep", "=") : std::string(1, c);
  return result;
}

Node config_sources(const Repository& repository) {
  Node list = Node::list();
  const auto add = [&](const std::string& path, const std::string& schema, const std::string& provider) {
    Node source = Node::map();
    source["path"] = Node::text(path);
    source["schema"] = Node::text(schema);
    source["provider"] = Node::text(provider);
    list.items.push_back(source);
  };
  add("hydra.conf", "pkg", "hydra");
  for (const auto& folder : repository.folders()) {
    add(absolute(folder), "file", list.items.size() == 1 ? "main" : "command-line");
  }
  add("", "structured", "schema");
  return list;
}

void record(Node& hydra, const std::vector<Override>& overrides, const Defaults& defaults, const Repository& repository,
            const std::string& name) {
  std::vector<std::string> of_hydra, of_task, keys;
  for (const auto& override : overrides) {
    const bool own =
        override.key == "hydra" || override.key.starts_with("hydra.") || override.key.starts_with("hydra/");
    (own ? of_hydra : of_task).push_back(override.text);
    if (!own) keys.push_back(override.key);
  }
  set_record(hydra, "overrides.hydra", texts(of_hydra));
  set_record(hydra, "overrides.task", texts(of_task));
  if (Node* choices = hydra.at_path("runtime.choices"); choices && choices->is_map()) {
    for (const auto& choice : defaults.choices) {
      if (choice.is_list) continue;
      (*choices)[choice.key] = choice.option ? Node::text(*choice.option) : Node();
    }
  }
  std::error_code failed;
  set_record(hydra, "runtime.cwd", Node::text(fs::current_path(failed).string()));
  set_record(hydra, "runtime.config_sources", config_sources(repository));
  if (const Node* job = hydra.at_path("job.name"); job && job->kind == Kind::missing) {
    set_record(hydra, "job.name", Node::text("plexiform"));
  }
  set_record(hydra, "job.override_dirname", Node::text(override_dirname(hydra, of_task, keys)));
  set_record(hydra, "job.config_name", Node::text(name));
  if (const Node* copied = hydra.at_path("job.env_copy"); copied && copied->is_list()) {
    for (const auto& variable : copied->items) {
      const char* value = std::getenv(variable.string.c_str());
      if (!value) {
        throw Error(where(variable, "hydra.job.env_copy"),
                    "the environment variable '" + variable.string + "' is not set",
                    "set it, or take it out of the list");
      }
      if (Node* set = hydra.at_path("job.env_set"); set && set->is_map()) {
        (*set)[variable.string] = Node::text(value);
      }
    }
  }
}

void refuse_sweep(const Override& override) {
  if (!override.sweep) return;
  const std::string listed = override.sweep->simple
                                 ? "for a list write " + override.address() + "=[...], for text with commas quote it, "
                                 : "";
  throw Error(override.location.text() + ": " + override.text, "gives several values to one key",
              listed + "to run once per value add -m");
}

}  // namespace

Composition compose(const Request& request) {
  auto [overrides, repository, name] = open(request);
  for (const auto& override : overrides) refuse_sweep(override);
  const Defaults defaults = expand_defaults(repository, name, overrides);

  Node config = Node::map(), known;
  for (const auto& step : defaults.steps) {
    merge_step(config, step);
    if (step.config->name == "hydra/config") known = *config.find("hydra");
  }
  check_hydra_keys(*config.find("hydra"), known, "hydra");
  for (const auto& override : defaults.config_values) apply_override(config, override);

  Composition result;
  const auto hydra = std::find_if(config.entries.begin(), config.entries.end(),
                                  [](const auto& entry) { return entry.first == "hydra"; });
  if (hydra == config.entries.end() || !hydra->second.is_map()) {
    throw Error("hydra", "is no mapping any more", "do not remove or replace Hydra's own node");
  }
  result.hydra = std::move(hydra->second);
  config.entries.erase(hydra);
  record(result.hydra, overrides, defaults, repository, name);
  result.job = std::move(config);
  for (auto choice = defaults.choices.rbegin(); choice != defaults.choices.rend(); ++choice) {
    if (choice->key.starts_with("hydra/")) continue;
    result.choices.emplace_back(choice->key, choice->option.value_or("null"));
  }
  for (const auto& step : defaults.steps) {
    if (!step.chain.empty()) result.chains.emplace_back(step.config->file, step.chain);
  }
  result.files = repository.files();
  return result;
}

std::string run_folder(const Composition& composition, std::time_t now) {
  Resolvers resolvers{composition.hydra, now};
  const Node folder = resolve_hydra(composition.job, "run.dir", resolvers);
  if (folder.kind != Kind::string || folder.string.empty()) {
    throw Error(where(folder, "hydra.run.dir"), "is no folder", "give it the path of a folder");
  }
  return absolute(folder.string);
}

Error with_chain(const Composition& composition, const Error& error) {
  for (const auto& [file, chain] : composition.chains) {
    if (error.where().starts_with(file + ":") && error.problem().find(chain) == std::string::npos) {
      return Error(error.where(), error.problem() + " (this file is " + chain + ")", error.fix());
    }
  }
  return error;
}

void set_output_folder(Composition& composition, const std::string& folder) {
  const std::string path = absolute(folder);
  set_record(composition.hydra, "runtime.output_dir", Node::text(path));
}

}  // namespace plexiform::config

#include <config/opened_request.h>

#include <algorithm>

namespace plexiform::config {
namespace {

std::string without_suffix(const std::string& name) {
  for (const std::string suffix : {".yaml", ".yml"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

// hydra.searchpath: more config folders, from the command line or the primary config.
void extend_search_path(Repository& repository, const std::string& primary, const std::vector<Override>& overrides) {
  const ConfigFile* config = repository.load(primary);
  const Node* folders = config ? config->content.at_path("hydra.searchpath") : nullptr;
  for (const auto& override : overrides) {
    if (override.address() == "hydra.searchpath" && override.value) folders = &*override.value;
  }
  if (!folders || folders->is_null()) return;
  const auto text = [](const Node& node) { return node.kind == Kind::string; };
  if (!folders->is_list() || !std::all_of(folders->items.begin(), folders->items.end(), text)) {
    throw Error(where(*folders, "hydra.searchpath"), "is not a list of folders", "write [folder, folder]");
  }
  for (const auto& folder : folders->items) {
    const std::string path = folder.string.starts_with("file://") ? folder.string.substr(7) : folder.string;
    if (path.starts_with("pkg://")) {
      throw Error(where(folder, "hydra.searchpath"), "'" + path + "' is a Python package",
                  "name a folder that holds YAML files");
    }
    try {
      repository.append(path);
    } catch (const Error& e) {
      throw Error(where(folder, "hydra.searchpath"), "'" + path + "': " + e.problem(), e.fix());
    }
  }
}

}  // namespace

OpenedRequest open(const Request& request) {
  std::vector<Override> overrides;
  for (size_t i = 0; i < request.overrides.size(); ++i) {
    overrides.push_back(parse_override(request.overrides[i], static_cast<int>(i) + 1));
  }
  OpenedRequest opened{std::move(overrides), Repository(request.search_path), without_suffix(request.name)};
  extend_search_path(opened.repository, opened.name, opened.overrides);
  return opened;
}

}  // namespace plexiform::config

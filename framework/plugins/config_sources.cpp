#include <config/resolve.h>
#include <plugins/config_sources.h>

namespace plexiform::plugins {

Sources search_order(const config::Composition& composition, std::vector<std::string> files,
                     std::vector<std::string> folders) {
  const config::Node* listed = composition.job.find("plugins");
  if (!listed || listed->is_null()) return search_order(std::move(files), std::move(folders));
  const auto resolved = config::resolve_at(composition.job, "plugins", {composition.hydra});
  bool texts = resolved.is_list();
  for (const auto& item : resolved.items) {
    texts = texts && item.kind == config::Kind::string && !item.string.empty();
    files.push_back(item.string);
  }
  if (!texts) {
    throw Error(config::where(*listed, "plugins"), "is no list of files",
                "write plugins: [/path/to/mine.plexiform.so]");
  }
  return search_order(std::move(files), std::move(folders));
}

}  // namespace plexiform::plugins

#include <cli/plugins.h>
#include <cli/show_config.h>
#include <config/info.h>
#include <config/sweep.h>
#include <fmt/format.h>

namespace plexiform::cli {

void print_config(const CommandLine& line) {
  using namespace plexiform::config;
  const auto composition = line.multirun ? compose_sweep(line.request) : compose(line.request);
  const Resolvers resolvers{composition.hydra};
  Node root = Node::map();
  if (line.cfg != "job") root["hydra"] = composition.hydra;
  if (line.cfg != "hydra")
    root.entries.insert(root.entries.end(), composition.job.entries.begin(), composition.job.entries.end());
  try {
    if (line.resolve) root = resolve(root, resolvers);
  } catch (const Error& e) {
    throw with_chain(composition, e);
  }
  if (line.package.empty() || line.package == "_global_") {
    fmt::print("{}", to_yaml(root));
    return;
  }
  const Node* part = root.at_path(line.package);
  if (!part) throw Error("--package " + line.package, "no such node", did_you_mean(line.package, root.keys()));
  fmt::print("# @package {}\n{}", line.package, to_yaml(*part));
}

void print_info(const CommandLine& line) {
  const std::string& what = line.info;
  const bool all = what == "all", config = all || what == "config";
  if (all) fmt::print("plexiform {}\n\n", PLEXIFORM_VERSION);
  if (all || what == "plugins") plugins_command({"list"});
  if (config || what == "searchpath") fmt::print("{}", config::search_path_table(line.request));
  if (config || what == "defaults-tree") fmt::print("{}", config::defaults_tree(line.request));
  if (config || what == "defaults") fmt::print("{}", config::defaults_table(line.request));
  if (config) {
    fmt::print("\nConfig\n******\n");
    CommandLine job = line;
    job.cfg = "job";
    print_config(job);
  }
}

}  // namespace plexiform::cli

#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <cli/host/memory.h>
#include <config/compose.h>
#include <config/resolve.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <training/run.h>

#include <filesystem>

namespace plexiform::cli {
namespace {

namespace fs = std::filesystem;
using config::Node;

// hydra.run.dir, with a number when a run of the same second has it already.
std::string new_folder(const config::Composition& composition, std::time_t now) {
  const std::string first = config::run_folder(composition, now);
  std::string folder = first;
  if (fs::exists(first) && !fs::is_directory(first)) throw Error(first, "is a file", "choose another hydra.run.dir");
  for (int i = 2; fs::exists(folder); ++i) folder = fmt::format("{}-{}", first, i);
  if (folder != first) fmt::print(stderr, "note: {} exists, so this run goes to {}\n", first, folder);
  return folder;
}

void write_provenance(const std::string& folder, const config::Composition& composition,
                      const std::vector<std::string>& overrides) {
  Node list = Node::list(), hydra = Node::map();
  for (const auto& override_text : overrides) list.items.push_back(Node::text(override_text));
  hydra["hydra"] = composition.hydra;
  files::write_atomically(folder + "/.hydra/overrides.yaml", config::to_yaml(list));
  files::write_atomically(folder + "/.hydra/hydra.yaml", config::to_yaml(hydra));
  files::write_atomically(folder + "/.hydra/config.yaml", config::to_yaml(composition.job));
}

}  // namespace

int train(const Arguments& arguments) {
  keep_freed_memory();
  refuse_what_does_not_fit();
  auto line = parse_command_line("train", arguments);
  const bool resume = !line.resume.empty();
  if (resume) {
    if (!fs::exists(line.resume + "/.hydra/config.yaml")) {
      throw Error(line.resume, "is no run folder: it has no .hydra/config.yaml",
                  "name the folder that training printed as its run folder");
    }
    line.request.search_path = {line.resume + "/.hydra"};
    line.request.name = "config";
  }
  auto composition = config::compose(line.request);
  config::Resolvers resolvers;
  const std::string folder = resume ? fs::canonical(line.resume).string() : new_folder(composition, resolvers.now);
  config::set_output_folder(composition, folder);
  resolvers.hydra = composition.hydra;

  auto catalogue = plugins::Catalogue::discover(search_order(line, composition));
  const auto run = training::prepare(composition.job, resolvers, catalogue);
  fmt::print("{}", run->plan());
  if (line.dry_run) {
    for (const auto& warning : run->settings.warnings) fmt::print("note: {}\n", warning);
    fmt::print("run folder\n  {}\n", folder);
    return 0;
  }
  if (!resume) {
    fs::create_directories(folder + "/.hydra");
    try {
      write_provenance(folder, composition, line.request.overrides);
    } catch (const Error&) {
      fs::remove_all(folder);
      throw;
    }
  }
  for (const char* room : {"", "/checkpoints", "/model", "/.hydra"}) {
    if (resume && fs::is_directory(folder + room)) files::remove_leftovers(folder + room);
  }
  fmt::print("run folder\n  {}\n", folder);
  std::fflush(stdout);
  return training::train(*run, folder, resume ? training::Start::resume : training::Start::fresh);
}

}  // namespace plexiform::cli

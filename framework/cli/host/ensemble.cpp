// plexiform ensemble RUN...: several trained models as one.
#include <cli/host/commands.h>
#include <cli/parse.h>
#include <fmt/format.h>
#include <model/ensemble.h>

namespace plexiform::cli {
namespace {

constexpr const char* about =
    "Joins trained models of the same sessions, such as those of train -m seed=1,2,3, into one that predicts their "
    "mean. "
    "evaluate, stream and programs that embed the host take it like any other model; evaluate tells how far apart the "
    "members are.";

}  // namespace

int ensemble(const Arguments& arguments) {
  CLI::App app(about, "plexiform ensemble");
  std::vector<std::string> runs;
  std::string folder;
  app.add_option("RUN", runs, "run folders, or the folder of a sweep, all of whose runs that are done join")
      ->required();
  app.add_option("-o,--output", folder, "a new folder (default: model/ of the one sweep that is named)");
  if (!parse(app, arguments)) return 0;
  if (folder.empty() && runs.size() > 1) throw Usage("where to?\n  fix: --output DIR");
  if (folder.empty()) folder = runs.front() + "/model";
  model::write_ensemble(folder, runs);
  fmt::print("model: {} of {} members\n", folder, model::members(folder).size());
  return 0;
}

}  // namespace plexiform::cli

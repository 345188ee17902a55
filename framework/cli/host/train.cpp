// plexiform train: the command line on top of the library (plexiform/host/experiment.h).
#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <cli/host/console.h>
#include <cli/host/memory.h>
#include <cli/host/where_it_ran.h>
#include <fmt/format.h>
#include <parallel/launch.h>
#include <plexiform/host/experiment.h>
#include <plugins/host/running.h>
#include <unistd.h>

#include <csignal>

namespace plexiform::cli {
namespace {

using host::Experiment;

Experiment prepare(CommandLine line) {
  if (!line.resume.empty()) go_where_it_ran(line.resume, line);
  const host::Plugins plugins{line.plugin_files, line.plugin_paths, line.locked, line.accept_plugin_change};
  auto [search_path, name, overrides] = line.request;
  if (!line.resume.empty()) return Experiment::resume(line.resume, plugins, overrides);
  if (name.ends_with(".yaml")) name.resize(name.size() - 5);  // a name of the search path all the same
  return Experiment(host::Source{name, overrides, search_path, "", plugins});
}

// Ctrl-C and SIGTERM in any process suspend the run in all of them.
int suspended() {
  const int signal = InterruptGuard::requested();
  return 128 + (signal ? signal : SIGTERM);
}

// In a process that is not the first, which speaks for all.
class Quiet final : public host::Observer {
 public:
  host::Next step_done(const host::Step&) override { return next(); }
  host::Next epoch_done(const host::Epoch&) override { return next(); }

 private:
  static host::Next next() { return InterruptGuard::requested() ? host::Next::suspend : host::Next::go_on; }
  const InterruptGuard guard_;
};

bool wants_bar(const host::Json& config) {
  const auto knob = config.value(host::Json::json_pointer("/trainer/enable_progress_bar"), host::Json());
  return knob.is_boolean() ? knob.get<bool>() : isatty(STDERR_FILENO);
}

}  // namespace

int train(const Arguments& arguments) {
  return_freed_memory();
  refuse_what_does_not_fit();
  plugins::report_crashes();
  const auto line = parse_command_line("train", arguments);
  Experiment experiment = prepare(line);
  keep_freed_memory();
  if (parallel::read_launch().rank > 0) {
    if (line.dry_run) return 0;
    Quiet quiet;
    return experiment.train(quiet).ending == host::Ending::suspended ? suspended() : 0;
  }
  fmt::print("{}", experiment.plan());
  if (line.dry_run) {
    for (const auto& note : experiment.notes()) fmt::print("note: {}\n", note);
  }
  fmt::print("run folder\n  {}\n", experiment.folder());
  if (line.dry_run) return 0;
  std::fflush(stdout);
  Console console(wants_bar(experiment.config()));
  const auto result = experiment.train(console);
  if (result.ending == host::Ending::suspended) return suspended();
  fmt::print("\n{}\nmodel: {}\n", result.table, result.model);
  return 0;
}

}  // namespace plexiform::cli

// plexiform: the command line. Links no LibTorch: it answers --help, --cfg and plugins at once, and opens
// libplexiform.so for the rest.
#include <cli/command_line.h>
#include <cli/completion.h>
#include <cli/multirun.h>
#include <cli/plugins.h>
#include <cli/probe_plugins.h>
#include <cli/reproduce.h>
#include <cli/show_config.h>
#include <fmt/format.h>
#include <parallel/launch.h>
#include <plugins/host_library.h>

#include <algorithm>

namespace {

using plexiform::cli::Usage;
using Arguments = std::vector<std::string>;

constexpr const char* usage =
    R"(plexiform: trains core + readout encoder models of neural data

  plexiform create-data DIR          write a simulated retina to train on; --layout: as published data sets are
  plexiform data inspect|check PATH  what a file or folder of recordings is, and what would spoil a training on it
  plexiform data convert PATH OUT    into one file of our own layout, and back
  plexiform train [key=value ...]    train the model of a config (default: quickstart)
  plexiform train -m seed=1,2,3      a run for each value, and a table at the end
  plexiform evaluate RUN             score a trained model neuron by neuron
  plexiform predict RUN MOVIE -o DIR the activity that a model predicts, as data to train others on
  plexiform stream RUN               frames in, rates out, one frame at a time
  plexiform import CKPT -o FOLDER    a model of openretina's checkpoint
  plexiform export RUN -o FILE       a state dict for openretina
  plexiform ensemble RUN... -o DIR   several trained models as one, their mean
  plexiform reproduce RUN            the command that made a run; would it give the same config?
  plexiform plugins list|inspect     what cores, readouts and losses there are
  plexiform plugins check FILE|NAME  whether a plugin keeps the contract
  plexiform plugins doctor           this machine, LibTorch and the plugins at a glance
  plexiform plugins new KIND NAME    write a core, readout or loss of your own
  plexiform completion bash|zsh|fish what makes the Tab key complete all this
  plexiform COMMAND --help           more about a command
  plexiform --version
)";

// Hands a command over to libplexiform.so.
int run_in_host(const std::string& command, const Arguments& arguments) {
  using Run = int (*)(const char*, int, const char* const*);
  const auto run = reinterpret_cast<Run>(plexiform::plugins::open_host_function("plexiform_command"));
  std::vector<const char*> texts;
  for (const auto& argument : arguments) texts.push_back(argument.c_str());
  return run(command.c_str(), static_cast<int>(texts.size()), texts.data());
}

int run(const std::string& command, const Arguments& arguments) {
  if (command == "--help" || command == "-h" || command == "help" || command.empty()) {
    fmt::print("{}", usage);
    return command.empty() ? 2 : 0;
  }
  if (command == "--version") {
    fmt::print("plexiform {}\n", PLEXIFORM_VERSION);
    return 0;
  }
  if (command == "plugins") return plexiform::cli::plugins_command(arguments);
  if (command == "train" || command == "evaluate" || command == "eval") {
    const std::string name = command == "eval" ? "evaluate" : command;
    const auto line = plexiform::cli::parse_command_line(name, arguments);
    if (line.help) {
      fmt::print("{}", plexiform::cli::help(name, line));
      return 0;
    }
    if (line.hydra_help) {
      fmt::print("{}", plexiform::cli::hydra_help());
      return 0;
    }
    if (!line.cfg.empty()) {
      plexiform::cli::print_config(line);
      return 0;
    }
    if (!line.info.empty()) {
      plexiform::cli::print_info(line);
      return 0;
    }
    if (line.multirun && plexiform::parallel::read_launch().size > 1) {
      throw plexiform::Error("--multirun", "was started in several processes, but starts its runs itself",
                             "start it once, without torchrun, mpirun or srun; --jobs says how many runs go at a time");
    }
    if (line.multirun) return plexiform::cli::multirun(line, "/proc/self/exe");
    return run_in_host(name, arguments);
  }
  for (const char* in_host : {"create-data", "data", "predict", "stream", "import", "export", "ensemble"}) {
    if (command == in_host) return run_in_host(command, arguments);
  }
  if (command == "reproduce") return plexiform::cli::reproduce_command(arguments);
  if (command == "completion") return plexiform::cli::completion_command(arguments);
  if (command == "--complete") return plexiform::cli::complete_command(arguments);
  if (command == "--probe-plugins") return plexiform::cli::probe_plugins_command(arguments);
  throw Usage(fmt::format(
      "no such command: {}\n  fix: {}", command,
      plexiform::did_you_mean(command, {"train", "evaluate", "create-data", "data", "predict", "stream", "import",
                                        "export", "ensemble", "reproduce", "plugins", "completion"})));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  return plexiform::cli::report_errors(command.c_str(),
                                       [&] { return run(command, {argv + std::min(argc, 2), argv + argc}); });
}

// config_fuzz [SECONDS [SEED]]: breaks YAML files, arguments, config trees and command lines at random. Whatever it
// makes has to be read, or be refused with an Error that has a place and a fix, within seconds. Ends with exit code 1
// and the input that was not; SEED makes it the same again. The tests run it for two seconds; build it with
// -fsanitize=address,undefined and give it ten minutes to look for more.
#include <cli/command_line.h>
#include <cli/completion.h>
#include <cli/search.h>
#include <config/info.h>
#include <config/override.h>
#include <config/resolve.h>
#include <config/search_space.h>
#include <config/sweep.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "../base/python_literal.h"
#include "../broken_configs.h"
#include "../folder.h"
#include "../mutator.h"

using namespace plexiform;
namespace fs = std::filesystem;

namespace {

std::string input;  // what is being read, for the message of a crash

void report(const char* what) {
  std::fprintf(stderr, "%s\n---- input\n%s\n----\n", what, input.c_str());
  std::fflush(stderr);
}

void too_slow(int) {
  report("takes more than five seconds of processor time");
  _exit(1);
}

void crashed(int signal) {
  report("crashed");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

struct Finding {
  std::string what;
};

// Runs the body: true when it was read, false when it was refused as it should be.
template <class Body>
bool read(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& e) {
    if (e.where().empty() || e.problem().empty() || e.fix().empty())
      throw Finding{std::string("half a message: ") + e.what()};
    return false;
  } catch (const cli::Usage&) {
    return false;
  } catch (const std::exception& e) {
    throw Finding{std::string("another exception: ") + e.what()};
  }
}

class Fuzzer {
 public:
  explicit Fuzzer(unsigned seed) : mutator_(seed) {
    for (const auto& tree : {kConfigs, kGroups, kValues}) {
      for (const auto& file : yaml_files(tree)) texts_.push_back(text_of(file));
    }
    fs::copy(kGroups, folder_.path, fs::copy_options::recursive);
    for (const auto& file : yaml_files(folder_.path)) originals_[file] = text_of(file);
  }

  bool yaml() {
    input = mutator_.mutated(mutator_.one_of(texts_), 1 + mutator_.below(5));
    return read([&] {
      const config::Node node = config::parse_yaml(input, "mutated.yaml");
      if (!same(config::parse_yaml(config::to_yaml(node), "written.yaml"), node))
        throw Finding{"changes when it is written"};
      config::resolve(node, {config::Node::map(), 0});
    });
  }

  bool argument() {
    input = mutator_.mutated(mutator_.one_of(kArguments), 1 + mutator_.below(4));
    return read([&] {
      config::parse_override(input, 1);
      const auto space = config::dimension(input);
      const double drawn = cli::draw({space}, 1).front();
      if (space.value(space.argument(drawn)) != drawn) throw Finding{"draws a value that it does not read back"};
    });
  }

  bool tree() {
    const auto overrides = broken_overrides();
    const auto file =
        std::next(originals_.begin(), static_cast<std::ptrdiff_t>(mutator_.below(originals_.size())))->first;
    const std::string text = mutator_.mutated(originals_[file], 1 + mutator_.below(4));
    std::ofstream(file) << text;
    input += "\n" + file.string() + "\n" + text;
    const bool result = read([&] {
      const config::Request request{{folder_.path}, "train", overrides};
      config::defaults_tree(request);
      config::sweep_jobs(request);
      config::search_arguments(request);
      cli::plan_search(request, config::compose_sweep(request));
      const auto composition = config::compose(request);
      config::resolve(composition.job, {composition.hydra, 0});
      config::run_folder(composition, 0);
    });
    std::ofstream(file) << originals_[file];
    return result;
  }

  bool command_line() {
    auto words = mutator_.one_of(kCommandLines);
    std::string line = "plexiform train";
    for (auto& word : words) {
      if (mutator_.below(3) == 0) word = mutator_.mutated(word, 1 + mutator_.below(2));
      line += " " + word;
    }
    input = line;
    return read([&] {
      cli::completions(line);
      const auto parsed = cli::parse_command_line("train", words);
      config::compose(parsed.request);
    });
  }

 private:
  std::vector<std::string> broken_overrides() {
    std::vector<std::string> overrides;
    input = "arguments:";
    for (size_t k = mutator_.below(3); k > 0; --k) {
      overrides.push_back(mutator_.mutated(mutator_.one_of(kGroupArguments), mutator_.below(3)));
      input += "  " + overrides.back();
    }
    return overrides;
  }

  Mutator mutator_;
  Folder folder_;
  std::vector<std::string> texts_;
  std::map<fs::path, std::string> originals_;
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1;
  std::signal(SIGPROF, too_slow);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) std::signal(signal, crashed);
  struct Kind {
    const char* name;
    bool (Fuzzer::*once)();
    int times;  // per round: the first two are cheap
    long read = 0, refused = 0;
  };
  std::vector<Kind> kinds = {{"YAML files", &Fuzzer::yaml, 10},
                             {"arguments", &Fuzzer::argument, 50},
                             {"config trees", &Fuzzer::tree, 1},
                             {"command lines", &Fuzzer::command_line, 1}};
  Fuzzer fuzzer(seed);
  const auto start = std::chrono::steady_clock::now();
  try {
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
      for (auto& kind : kinds) {
        for (int i = 0; i < kind.times; ++i) {
          const itimerval limit = {{}, {5, 0}};
          setitimer(ITIMER_PROF, &limit, nullptr);
          ++((fuzzer.*kind.once)() ? kind.read : kind.refused);
        }
      }
    }
  } catch (const Finding& finding) {
    report(finding.what.c_str());
    return 1;
  }
  for (const auto& kind : kinds) std::printf("%s: %ld read, %ld refused\n", kind.name, kind.read, kind.refused);
}

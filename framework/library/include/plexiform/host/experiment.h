// An experiment: what a config describes, made ready and checked, then trained, scored and put on disk.
//
//   plexiform::host::Experiment experiment({.config = "quickstart", .overrides = {"paths.data_dir=quickstart_data"}});
//   const auto result = experiment.train(observer);
//   std::cout << result.table;
//
// It prints nothing, catches no signal and leaves the allocator alone; it seeds LibTorch's default
// generator, and has the thread that trains flush denormal numbers to 0.
// Errors   plexiform::Error (place, problem, fix) for what a user can mend; all of a config's before the first step.
// Threads  one experiment at a time per process: LibTorch's generator is shared.
// Ranks    a program that torchrun, mpirun or srun starts several times trains one model with all of them; each makes the same
//          calls. The first alone writes, and has scores and a model in its result.
#pragma once

#include <plexiform/error.h>
#include <plexiform/host/observer.h>

#include <memory>
#include <string>
#include <vector>

namespace plexiform::host {

// Files and folders that are searched for plugins before PLEXIFORM_PLUGIN_PATH, the user's folder and the installed one.
struct Plugins {
  std::vector<std::string> files = {}, folders = {};
  std::string locked = "";     // a run's plugins.lock: plugins of other content are refused before they are opened
  bool accept_change = false;  // a run that is resumed may go on with plugins that are not those of its plugins.lock
};

// A config from YAML files, as `plexiform train` composes it.
struct Source {
  std::string config;                         // a file ("my/retina.yaml"), or a name on the search path ("quickstart")
  std::vector<std::string> overrides = {};    // "trainer.max_epochs=3", "+key=value", "~key", "group=option"
  std::vector<std::string> search_path = {};  // folders of configs, before the configs that come with the host
  std::string folder = "";                    // of the run, not there yet or empty; "": hydra.run.dir of the config
  Plugins plugins = {};
};

enum class Ending {
  max_epochs,
  max_steps,
  max_time,
  early_stopping,
  finished,   // the observer said so
  suspended,  // the observer said so: there are no scores and no model yet
};

struct Result {
  Ending ending = Ending::max_epochs;
  Json history;       // one row of metrics per epoch, as in metrics.csv
  Json scores;        // of the test stimuli, neuron by neuron, as in scores.json; null when suspended
  std::string table;  // of the scores, for people
  std::string model;  // the folder of the trained model (trained_model.h); "" when suspended
};

class Experiment {
 public:
  // Composes the config, reads the data, builds the model. Writes nothing.
  explicit Experiment(const Source& source);

  // From values: a whole config, its keys those of the YAML files, without `defaults`; a text with ${...} is an
  // interpolation. `folder` is the run's, not there yet or empty.
  Experiment(const Json& config, const std::string& folder, const Plugins& plugins = {});

  // A run that was suspended or killed: train() goes on from its newest whole checkpoint.
  static Experiment resume(const std::string& folder, const Plugins& plugins = {},
                           const std::vector<std::string>& overrides = {});

  Experiment(Experiment&&) noexcept;
  ~Experiment();

  // Components, shapes, sessions, parameters, memory: several lines for people.
  std::string plan() const;
  std::vector<std::string> notes() const;  // what of the config or the data will not be as one might think
  const std::string& folder() const;       // of the run, absolute
  Json config() const;                     // as it is used: interpolations resolved, defaults filled in

  // Trains into folder(), which is made when it is not there. Once per object.
  Result train(Observer& observer);
  Result train();  // unobserved

 private:
  struct State;
  explicit Experiment(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plexiform::host

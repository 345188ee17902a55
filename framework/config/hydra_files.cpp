#include <config/hydra_files.h>

#include <algorithm>
#include <array>

namespace plexiform::config {

// Names, keys and values are Hydra 1.3's: users override them, and scripts read them in
// .hydra/hydra.yaml. What only a Python program can use (handlers, launchers) is kept for them.
const std::vector<HydraFile>& hydra_files() {
  static const std::vector<HydraFile> files = {
      {"hydra/config", R"(
defaults:
  - output: default
  - launcher: basic
  - sweeper: basic
  - help: default
  - hydra_help: default
  - hydra_logging: default
  - job_logging: default
  - callbacks: null
  - env: default
  - _self_
mode: null
searchpath: []
callbacks: {}
output_subdir: .hydra
overrides:
  hydra: []
  task: []
job:
  name: ???
  chdir: null
  override_dirname: ???
  id: ???
  num: ???
  config_name: ???
  env_set: {}
  env_copy: []
  config:
    override_dirname:
      kv_sep: '='
      item_sep: ','
      exclude_keys: []
runtime:
  version: 1.3.5
  version_base: '1.3'
  cwd: ???
  config_sources: ???
  output_dir: ???
  choices: {}
verbose: false
)"},
      {"hydra/output/default", R"(# @package hydra
run:
  dir: outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}
sweep:
  dir: multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}
  subdir: ${hydra.job.num}
)"},
      {"hydra/launcher/basic", "_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher\n"},
      {"hydra/sweeper/basic", R"(
_target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper
max_batch_size: null
params: null
)"},
      {"hydra/sweeper/optuna", R"(
defaults:
  - sampler: tpe
  - _self_
_target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper
direction: minimize
storage: null
study_name: null
n_trials: 20
n_jobs: 2
search_space: null
params: null
custom_search_space: null
)"},
      {"hydra/sweeper/sampler/tpe", R"(
_target_: optuna.samplers.TPESampler
seed: null
consider_prior: true
prior_weight: 1.0
consider_magic_clip: true
consider_endpoints: false
n_startup_trials: 10
n_ei_candidates: 24
multivariate: false
warn_independent_sampling: true
)"},
      {"hydra/sweeper/sampler/random", "_target_: optuna.samplers.RandomSampler\nseed: null\n"},
      {"hydra/launcher/joblib", R"(
_target_: hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher
n_jobs: -1
backend: null
prefer: processes
require: null
verbose: 0
timeout: null
pre_dispatch: 2*n_jobs
batch_size: auto
temp_folder: null
max_nbytes: null
mmap_mode: r
)"},
      {"hydra/env/default", "{}\n"},
      {"hydra/help/default", "app_name: ${hydra.job.name}\nheader: null\nfooter: null\ntemplate: null\n"},
      {"hydra/hydra_help/default", "hydra_help: null\ntemplate: null\n"},
      {"hydra/hydra_logging/default", R"(
version: 1
formatters:
  simple:
    format: '[%(asctime)s][HYDRA] %(message)s'
handlers:
  console:
    class: logging.StreamHandler
    formatter: simple
    stream: ext://sys.stdout
root:
  level: INFO
  handlers: [console]
loggers:
  logging_example:
    level: DEBUG
disable_existing_loggers: false
)"},
      {"hydra/hydra_logging/disabled", "version: 1\nroot: {level: ERROR}\ndisable_existing_loggers: true\n"},
      {"hydra/hydra_logging/hydra_debug", R"(
version: 1
formatters:
  simple:
    format: '[%(asctime)s][%(name)s][%(levelname)s] - %(message)s'
handlers:
  file:
    class: logging.FileHandler
    mode: w
    formatter: simple
    filename: hydra-${hydra.job.name}.log
    delay: true
root:
  level: ERROR
  handlers: [file]
loggers:
  hydra:
    level: DEBUG
disable_existing_loggers: false
)"},
      {"hydra/hydra_logging/none", "version: 1\nroot: null\ndisable_existing_loggers: false\n"},
      {"hydra/job_logging/default", R"(
version: 1
formatters:
  simple:
    format: '[%(asctime)s][%(name)s][%(levelname)s] - %(message)s'
handlers:
  console:
    class: logging.StreamHandler
    formatter: simple
    stream: ext://sys.stdout
  file:
    class: logging.FileHandler
    formatter: simple
    filename: ${hydra.runtime.output_dir}/${hydra.job.name}.log
root:
  level: INFO
  handlers: [console, file]
disable_existing_loggers: false
)"},
      {"hydra/job_logging/stdout", R"(
version: 1
formatters:
  simple:
    format: '%(message)s'
handlers:
  console:
    class: logging.StreamHandler
    formatter: simple
    stream: ext://sys.stdout
root:
  level: INFO
  handlers: [console]
disable_existing_loggers: false
)"},
      {"hydra/job_logging/disabled", "version: 1\nroot: {level: ERROR}\ndisable_existing_loggers: true\n"},
      {"hydra/job_logging/none", "version: 1\nroot: null\ndisable_existing_loggers: false\n"},
  };
  return files;
}

bool hydra_fixes_keys(std::string_view path) {
  constexpr std::array<std::string_view, 10> fixed = {
      "hydra",        "hydra.run",        "hydra.sweep",
      "hydra.help",   "hydra.hydra_help", "hydra.overrides",
      "hydra.job",    "hydra.job.config", "hydra.job.config.override_dirname",
      "hydra.runtime"};
  return std::find(fixed.begin(), fixed.end(), path) != fixed.end();
}

}  // namespace plexiform::config

// Config trees and command lines to break: used by the mutation tests and the fuzzer.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

inline std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

inline std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Our own configs, and the trees that Hydra's answers were recorded on.
inline const std::filesystem::path kConfigs = std::filesystem::path(SOURCE_DIR) / "configs";
inline const std::filesystem::path kGroups = std::filesystem::path(TEST_DATA) / "hydra" / "conf_groups";
inline const std::filesystem::path kValues = std::filesystem::path(TEST_DATA) / "hydra" / "conf";

// Arguments of every kind.
inline const std::vector<std::string> kArguments = {"model.hidden=4",
                                                    "+a.b=[1,{x: y},'q']",
                                                    "++k=\"a${b}c\"",
                                                    "~model@x=big",
                                                    "list=[1,2.5,null,true]",
                                                    "seed=range(1,10,step=4)",
                                                    "lr=tag(t,choice(1,2))",
                                                    "name=sort(3,1,2,reverse=true)",
                                                    "x=int([1.5,'2'])",
                                                    "path=${oc.env:HOME,/tmp}/x\\=1",
                                                    "model=glob([a*,b*],exclude=c*)",
                                                    "+g@p.q=option",
                                                    "z=shuffle(a,b)",
                                                    "lr=tag(log,interval(1e-4,1e-1))",
                                                    "+n=int(interval(1,9))"};

// Arguments that the tree kGroups knows.
inline const std::vector<std::string> kGroupArguments = {"model.learning_rate=1",
                                                         "hydra/sweeper=optuna",
                                                         "+experiment=sgd_fast",
                                                         "data=other",
                                                         "~optimizer@second",
                                                         "callbacks=[checkpoint]",
                                                         "quality=strict",
                                                         "++a.b.c=1",
                                                         "trainer.nested={a: 5}",
                                                         "hydra.run.dir=x",
                                                         "optimizer=sgd,adamw",
                                                         "data/split=clips",
                                                         "logger=[csv,tensorboard]",
                                                         "hydra/sweeper=optuna",
                                                         "model.learning_rate=${seed}",
                                                         "seed=1,2",
                                                         "+x=${oc.select:a.b,3}",
                                                         "hydra.searchpath=[/tmp]",
                                                         "hydra.job.num=3",
                                                         "~trainer",
                                                         "optimizer@second=adamw"};

// Whole command lines of `train`.
inline const std::vector<std::vector<std::string>> kCommandLines = {
    {"--config-name", "quickstart", "--cfg", "job", "--resolve", "paths.data_dir=x"},
    {"--cfg", "hydra", "-p", "hydra.run", "-cn", "hdf5_core_readout"},
    {"-m", "seed=1,2", "--jobs", "2", "--dry-run", "model=simple_core"},
    {"--info", "defaults-tree", "--config-name=hdf5_core_readout", "logger=[csv]"},
    {"trainer.max_epochs=3", "+trainer.limit_train_batches=1", "~training_callbacks.early_stopping", "--resume", "x"},
    {"--config-dir", kGroups, "--plugin", "a.so", "--plugin-path=b", "+model.core.kernel=5"}};

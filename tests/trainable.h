// Trains a model of the fixtures' components (tests/data/fixtures.yaml) through the command, in a second.
#pragma once

#include <stdexcept>

#include "desk.h"

// One small recording for all tests of a program.
inline const std::string& small_recording() {
  static const Folder folder;
  static const std::string data = [] {
    const std::string path = folder / "data";
    const auto made =
        run({"create-data", path, "--sessions=1", "--neurons=3", "--frames=2000", "--test-frames=200", "--repeats=2"},
            folder / "log");
    if (made.code != 0) throw std::runtime_error(made.output);
    return path;
  }();
  return data;
}

// `plexiform train` of that model into `folder`; `plugins` are searched before the fixtures.
inline std::vector<std::string> fixture_run(const std::string& folder, const std::vector<std::string>& more = {},
                                            const std::string& plugin = FIXTURE_DIR
                                            "/fixture_components.plexiform.so") {
  std::vector<std::string> arguments = {"train",
                                        TEST_DATA "/fixtures.yaml",
                                        "--plugin",
                                        plugin,
                                        "paths.data_dir=" + small_recording(),
                                        "hydra.run.dir=" + folder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Runs `train -m` with a small program in plexiform's place.
#pragma once

#include <cli/multirun.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "command.h"
#include "folder.h"

class SweepDesk {
 public:
  // config: of mine.yaml, without hydra.sweep.dir; script: of the program
  SweepDesk(const std::string& config, const std::string& script) {
    std::ofstream(folder / "mine.yaml") << config << "hydra: {sweep: {dir: " << sweep << "}}\n";
    std::ofstream(folder / "plexiform") << script;
    std::filesystem::permissions(folder / "plexiform", std::filesystem::perms::owner_all);
  }

  // What `train -m` prints, and its exit code.
  Ran run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"-m", "--config-path", folder.path, "--config-name", "mine"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return captured([&] {
      return plexiform::cli::multirun(plexiform::cli::parse_command_line("train", arguments), folder / "plexiform");
    });
  }
  Ran resume(const std::string& program = "plexiform", const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"-m", "--resume", sweep};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return captured([&] {
      return plexiform::cli::multirun(plexiform::cli::parse_command_line("train", arguments), folder / program);
    });
  }

  Folder folder;
  std::string sweep = folder / "sweep";

 private:
  template <class Body>
  Ran captured(Body&& body) {
    std::fflush(stdout);
    const int before = dup(STDOUT_FILENO), file = open((folder / "out").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(file, STDOUT_FILENO);
    Ran ran;
    try {
      ran.code = body();
    } catch (const std::exception& e) {
      ran = {1, e.what()};
    }
    std::fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(file);
    ran.output += content(folder / "out");
    return ran;
  }
};

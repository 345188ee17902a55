#include <cli/array_job.h>
#include <cli/shell_words.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>

namespace plexiform::cli {
namespace {

// As the options in a script take it: a percent sign begins a pattern there.
std::string log_pattern(const std::string& folder) {
  std::string text;
  for (const char c : folder) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '%' ? std::string("%%") : std::string(1, c);
  }
  return '"' + text + "/%a.log\"";
}

}  // namespace

std::string array_script(const Sweep& sweep, const std::string& program, int at_a_time) {
  std::vector<int> numbers;
  std::string tasks;
  for (const auto& job : sweep.jobs) {
    const std::string run = sweep.run_folder(job);
    if (Sweep::state(run) == Sweep::State::done) continue;
    numbers.push_back(job.number);
    tasks += fmt::format("{})\n  run={}\n  set -- {} ;;\n", job.number, shell_quoted(run),
                         shell_quoted(sweep.words(job, run, Sweep::State::fresh)));
  }
  if (numbers.empty()) return "";
  auto resume = sweep.words(sweep.jobs.front(), "", Sweep::State::begun);  // train --resume "" and the plugins
  const std::vector<std::string> plugins(resume.begin() + 3, resume.end());
  return fmt::format(R"(#!/bin/sh
#SBATCH --job-name=plexiform
#SBATCH --array={}{}
#SBATCH --output={}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
# Two minutes before its time is over a run is told to save and leave; submitting this file again continues it.
cd {} || exit 1
case $SLURM_ARRAY_TASK_ID in
{}*) echo "no task $SLURM_ARRAY_TASK_ID: submit this file with sbatch"; exit 2 ;;
esac
if [ -e "$run/scores.json" ]; then
  exit 0
elif [ -e "$run/.hydra/config.yaml" ]; then
  set -- train --resume "$run" {}
elif [ -d "$run" ]; then  # killed while it wrote its first file
  rm -rf "$run/.hydra"
  rmdir "$run"
fi
exec {} "$@"
)",
                     fmt::join(numbers, ","), at_a_time > 0 ? fmt::format("%{}", at_a_time) : "",
                     log_pattern(sweep.folder), shell_quoted(sweep.request.working_directory), tasks,
                     shell_quoted(plugins), shell_quoted(program));
}

std::string submit(const Sweep& sweep, const std::string& program, int at_a_time) {
  const std::string file = sweep.folder + "/sweep.sbatch";
  const std::string script = array_script(sweep, std::filesystem::canonical(program), at_a_time);
  if (script.empty()) return "";
  files::write_atomically(file, script);
  std::fflush(stdout);
  FILE* sbatch = popen(("sbatch --parsable " + shell_quoted(file)).c_str(), "r");
  if (!sbatch) throw Error("sbatch", "cannot be started", "submit " + file + " by hand");
  std::string answer;
  for (int c; (c = std::fgetc(sbatch)) != EOF;) answer += static_cast<char>(c);
  const int status = pclose(sbatch);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    throw Error("sbatch", "is not on the PATH", "go to a machine that submits to Slurm, and submit " + file);
  }
  if (status != 0) {
    throw Error(
        "sbatch", "refused " + file,
        "its own words are above; SBATCH_PARTITION, SBATCH_TIMELIMIT, SBATCH_ACCOUNT and the like set what it asks");
  }
  return answer.substr(0, answer.find_first_of(";\n"));  // with several clusters: number;cluster
}

}  // namespace plexiform::cli

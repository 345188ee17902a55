// Sweeps: which runs there are, where they go, and what becomes of those that fail or are stopped. A small program
// stands for plexiform: it writes what a run writes.
#include <cli/sweep_folder.h>
#include <config/sweep.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <filesystem>
#include <thread>

#include "../sweep_desk.h"

using namespace plexiform;
namespace fs = std::filesystem;

namespace {

// Takes hydra.run.dir and seed from its arguments. Seed 13 fails, also in a dry run, which writes nothing; seed 99 waits to be
// stopped, and is done when resumed.
constexpr const char* stand_in = R"(#!/bin/sh
for word in "$@"; do
  case "$word" in
    hydra.run.dir=*) run=${word#hydra.run.dir=?}; run=${run%?} ;;
    seed=*) seed=${word#seed=} ;;
    --resume) resumed=yes ;;
    --dry-run) dry=yes ;;
    *) [ -n "$resumed" ] && [ -z "$run" ] && run=$word ;;
  esac
done
[ -n "$dry" ] && { [ "$seed" != 13 ] || { echo "mine.yaml:2:3: model: is bad"; echo "  fix: mend it"; exit 1; }; exit 0; }
mkdir -p "$run/.hydra" && echo "$@" >> "$run/.hydra/config.yaml"
[ "$seed" = 13 ] && { echo "mine.yaml:2:3: model: is bad"; echo "  fix: mend it"; exit 1; }
[ "$seed" = 99 ] && { trap 'exit 130' INT; trap 'exit 143' TERM; echo waiting > "$run/waiting"; while :; do sleep 0.05; done; }
echo "{\"summary\": {\"correlation_to_average\": {\"median\": 0.5}}}" > "$run/scores.json"
)";

class Sweeping : public SweepDesk {
 public:
  Sweeping() : SweepDesk("seed: 1\nmodel: {kernel: 3}\n", stand_in) {}
};

}  // namespace

TEST_CASE("a sweep is the product of its keys, each run in a folder of its own, with one table at the end") {
  Sweeping sweeping;
  const Ran ran = sweeping.run({"seed=1,2", "model.kernel=3,5", "--jobs", "2"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with("4 runs, 2 at a time, in " + sweeping.sweep + "\n"));
  CHECK(ran.output.find("run  seed  model.kernel  test correlation  noise ceiling  fraction  status\n"
                        "0    1     3             0.500             -              -         done\n"
                        "1    1     5             0.500             -              -         done\n"
                        "2    2     3             0.500             -              -         done\n"
                        "3    2     5             0.500             -              -         done\n") !=
        std::string::npos);
  for (const char* run : {"0", "1", "2", "3"}) CHECK(fs::exists(sweeping.sweep + "/" + run + "/scores.json"));
  CHECK(content(sweeping.sweep + "/2/.hydra/config.yaml").find("seed=2 model.kernel=3") != std::string::npos);
  CHECK(content(sweeping.sweep + "/results.csv").find("\n3,2,5,0.500,,,done\n") != std::string::npos);
  CHECK(content(sweeping.sweep + "/multirun.yaml").find("mode: MULTIRUN") != std::string::npos);
}

TEST_CASE("a run that fails is reported and the rest go on") {
  Sweeping sweeping;
  const Ran ran = sweeping.run({"seed=1,13,2"});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(ran.output.find("#1  seed=13  failed (exit code 1), see " + sweeping.sweep +
                        "/1.log\n    mine.yaml:2:3: model: is bad\n      fix: mend it\n") != std::string::npos);
  CHECK(fs::exists(sweeping.sweep + "/2/scores.json"));

  SECTION("and tried again when the sweep is resumed, and no other") {
    fs::remove(sweeping.sweep + "/1/.hydra/config.yaml");
    const Ran again = sweeping.resume();
    CHECK(again.code == 1);
    CHECK(again.output.find("#0  seed=1  0.500 (done before)\n#1  seed=13  started\n") != std::string::npos);
  }
}

TEST_CASE("a sweep that is interrupted stops its runs, and resumes where it stopped") {
  Sweeping sweeping;
  const int signal = GENERATE(SIGINT, SIGTERM);
  std::thread interrupts([&] {
    while (!fs::exists(sweeping.sweep + "/1/waiting")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    kill(getpid(), signal);
  });
  const Ran ran = sweeping.run({"seed=1,99,2"});
  interrupts.join();
  INFO(ran.output);
  CHECK(ran.code == 128 + signal);
  CHECK(ran.output.find("#1  seed=99  stopped\n") != std::string::npos);
  CHECK(ran.output.find("2    2     -                 -              -         not begun") != std::string::npos);
  CHECK(ran.output.ends_with("stopped; continue with: plexiform train -m --resume " + sweeping.sweep + "\n"));

  const Ran resumed = sweeping.resume();
  INFO(resumed.output);
  CHECK(resumed.code == 0);
  CHECK(resumed.output.find("#0  seed=1  0.500 (done before)\n#1  seed=99  resumed\n") != std::string::npos);
  CHECK(content(sweeping.sweep + "/1/.hydra/config.yaml").find("train --resume " + sweeping.sweep + "/1\n") !=
        std::string::npos);
  CHECK(content(sweeping.sweep + "/results.csv").find("\n2,2,0.500,,,done\n") != std::string::npos);
}

TEST_CASE("the folders of runs are named as hydra.sweep.subdir says") {
  Sweeping sweeping;
  CHECK(sweeping.run({"seed=1,2", "hydra.sweep.subdir='${hydra.job.override_dirname}'"}).code == 0);
  CHECK(fs::exists(sweeping.sweep + "/seed=1/scores.json"));
  CHECK(fs::exists(sweeping.sweep + "/seed=2/scores.json"));
}

TEST_CASE("a job that does not compose fails alone; --dry-run says so before anything runs") {
  Sweeping sweeping;
  fs::create_directories(sweeping.folder / "size");
  std::ofstream(sweeping.folder / "size/small.yaml") << "width: 1\n";
  const Ran dry = sweeping.run({"+size=big,small", "--dry-run"});
  INFO(dry.output);
  CHECK(dry.code == 1);
  CHECK(dry.output.starts_with("#0  +size=big  failed\n"));
  CHECK(dry.output.find("there is no config 'size/big'\n  fix: ") != std::string::npos);
  CHECK(dry.output.ends_with("\n#1  +size=small  " + sweeping.sweep + "/1\n1 of 2 jobs can run\n"));
  CHECK(!fs::exists(sweeping.sweep));
  CHECK(sweeping.run({"+size=big,small"}).code == 1);
  CHECK(fs::exists(sweeping.sweep + "/1/scores.json"));
}

TEST_CASE("--dry-run checks each job as its run would be checked, and leaves nothing") {
  Sweeping sweeping;
  const Ran dry = sweeping.run({"seed=1,13", "--dry-run"});
  INFO(dry.output);
  CHECK(dry.code == 1);
  CHECK(dry.output ==
        "#0  seed=1  " + sweeping.sweep +
            "/0\n#1  seed=13  failed (exit code 1)\n    mine.yaml:2:3: model: is bad\n      fix: mend it\n\n"
            "1 of 2 jobs can run\n");
  CHECK(!fs::exists(sweeping.sweep));
  const Ran sound = sweeping.run({"seed=1,2,3", "--dry-run", "--jobs", "3"});
  CHECK(sound.code == 0);
  CHECK(sound.output.ends_with("\n3 of 3 jobs can run\n"));
  CHECK(!fs::exists(sweeping.sweep));
}

TEST_CASE("two sweeps do not share a folder, and nobody runs a sweep twice at a time") {
  Sweeping sweeping;
  CHECK(sweeping.run({"seed=1"}).code == 0);
  CHECK(sweeping.run({"seed=2"}).code == 0);
  CHECK(fs::exists(sweeping.sweep + "-2/0/scores.json"));
  CHECK(sweeping.resume("not_there").code == 0);  // nothing is left to do
  CHECK_THROWS_AS(cli::read_sweep(sweeping.folder / "nowhere"), Error);
}

TEST_CASE("keys of hydra.sweeper.params are swept, and the command line replaces them") {
  const Folder folder;
  std::ofstream(folder / "mine.yaml") << "a: 1\nb: 2\nhydra: {sweeper: {params: {a: '1,2', b: 'range(5,7)'}}}\n";
  const auto jobs = [&](const std::vector<std::string>& overrides) {
    return config::sweep_jobs({{folder.path}, "mine", overrides});
  };
  using Jobs = std::vector<std::vector<std::string>>;
  CHECK(jobs({}) == Jobs{{"a=1", "b=5"}, {"a=1", "b=6"}, {"a=2", "b=5"}, {"a=2", "b=6"}});
  CHECK(jobs({"a=7", "+c=8,9"}) ==
        Jobs{{"a=7", "b=5", "+c=8"}, {"a=7", "b=5", "+c=9"}, {"a=7", "b=6", "+c=8"}, {"a=7", "b=6", "+c=9"}});
  CHECK(jobs({"b=3,4", "b=1", "a=0"}) == Jobs{{"a=0", "b=1"}});
  CHECK_THROWS_AS(jobs({"hydra.job.chdir=true,false"}), Error);
  CHECK_THROWS_AS(jobs({"a=interval(0,1)"}), Error);
}

namespace {

// An sbatch on the PATH that runs the tasks of the array at once, as Slurm would one by one.
class FakeSlurm {
 public:
  explicit FakeSlurm(const Folder& folder, const std::string& script) : path_(std::getenv("PATH")) {
    fs::create_directory(folder / "slurm");
    std::ofstream(folder / "slurm/sbatch") << script;
    fs::permissions(folder / "slurm/sbatch", fs::perms::owner_all);
    setenv("PATH", (folder / "slurm" + ":" + path_).c_str(), 1);
  }
  ~FakeSlurm() { setenv("PATH", path_.c_str(), 1); }
  FakeSlurm(const FakeSlurm&) = delete;

 private:
  std::string path_;
};

constexpr const char* runs_all_tasks = R"(#!/bin/sh
[ "$1" = --parsable ] || exit 1
for task in $(sed -n 's/^#SBATCH --array=//p' "$2" | sed 's/%.*//' | tr , ' '); do
  SLURM_ARRAY_TASK_ID=$task sh "$2"
done
echo "4711;cluster"
)";

}  // namespace

TEST_CASE("--launcher slurm submits one array job, and the table is made from what its tasks leave") {
  Sweeping sweeping;
  const FakeSlurm slurm(sweeping.folder, runs_all_tasks);
  const Ran ran = sweeping.run({"seed=1,2,3", "--launcher", "slurm", "--jobs", "2", "model.kernel='a b'"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.find("3 runs in " + sweeping.sweep + ": Slurm's array job 4711\n") != std::string::npos);
  const std::string script = content(sweeping.sweep + "/sweep.sbatch");
  INFO(script);
  CHECK(script.find("#SBATCH --array=0,1,2%2\n#SBATCH --output=\"" + sweeping.sweep + "/%a.log\"\n") !=
        std::string::npos);
  CHECK(content(sweeping.sweep + "/1/.hydra/config.yaml").find("seed=2 model.kernel='a b'") != std::string::npos);
  const Ran table = sweeping.resume();
  CHECK(table.code == 0);
  CHECK(table.output.find("#2  seed=3 ") != std::string::npos);
  CHECK(table.output.find("(done before)") != std::string::npos);
}

TEST_CASE("a task of an array job that was stopped is resumed, and those that are done are left out") {
  Sweeping sweeping;
  const FakeSlurm slurm(sweeping.folder, runs_all_tasks);
  REQUIRE(sweeping.run({"seed=1,13,2"}).code == 1);
  const Ran ran = sweeping.resume("plexiform", {"--launcher", "slurm"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(content(sweeping.sweep + "/sweep.sbatch").find("--array=1\n") != std::string::npos);
  CHECK(content(sweeping.sweep + "/1/.hydra/config.yaml").find("train --resume " + sweeping.sweep + "/1") !=
        std::string::npos);
}

TEST_CASE("what sbatch refuses, and a machine without it, are errors with a remedy") {
  Sweeping sweeping;
  {
    const FakeSlurm slurm(sweeping.folder, "#!/bin/sh\nexit 1\n");
    const Ran ran = sweeping.run({"seed=1,2", "--launcher", "slurm"});
    CHECK(ran.code == 1);
    CHECK(ran.output.find("sbatch: refused " + sweeping.sweep + "/sweep.sbatch") != std::string::npos);
    CHECK(ran.output.find("SBATCH_PARTITION") != std::string::npos);
  }
  const FakeSlurm without(sweeping.folder, "#!/bin/sh\nexit 127\n");  // what a shell says of a command that it lacks
  CHECK(sweeping.run({"seed=1,2", "--launcher", "slurm"}).output.find("sbatch: is not on the PATH") !=
        std::string::npos);
  CHECK_THROWS_AS(cli::parse_command_line("train", {"--launcher", "slurm"}), cli::Usage);
}

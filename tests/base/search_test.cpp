// A search: the space that arguments describe, what the Parzen estimator makes of a function with a known optimum, and
// the search as a sweep whose runs a small program stands for.
#include <cli/sweep_folder.h>
#include <cli/tpe.h>
#include <config/sweep.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <csignal>
#include <functional>
#include <limits>
#include <map>
#include <thread>

#include "../sweep_desk.h"

using namespace plexiform;
namespace fs = std::filesystem;
using config::dimension;
using Space = std::vector<config::Dimension>;
using Values = std::vector<double>;
using Kind = config::Dimension::Kind;

namespace {

using Loss = std::function<double(const Values&)>;

// The trials of a search with this seed, in their order.
std::vector<cli::Trial> search(const Space& space, const Loss& loss, uint64_t seed, int trials, bool random = false) {
  std::vector<cli::Trial> done;
  for (int i = 0; i < trials; ++i) {
    const uint64_t own = seed * 1000 + static_cast<uint64_t>(i);
    const Values values = random ? cli::draw(space, own) : cli::suggest(space, done, {}, own);
    done.push_back({values, loss(values)});
  }
  return done;
}

double best(const std::vector<cli::Trial>& trials) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& trial : trials) least = std::min(least, trial.loss);
  return least;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Medians over 11 seeds of the best value that 60 trials find.
std::pair<double, double> found_and_random(const Space& space, const Loss& loss) {
  std::vector<double> found, by_chance;
  for (uint64_t seed = 1; seed <= 11; ++seed) {
    found.push_back(best(search(space, loss, seed, 60)));
    by_chance.push_back(best(search(space, loss, seed, 60, true)));
  }
  return {median(found), median(by_chance)};
}

// A bowl: 0 at the optimum, and 1 where a coordinate is off by its scale.
double square(double x) { return x * x; }

}  // namespace

TEST_CASE("arguments describe a space in the words of Hydra's sweeper for Optuna") {
  CHECK(dimension("a=3").kind == Kind::fixed);
  CHECK(dimension("a=3").argument(0) == "a=3");
  const auto choice = dimension("+a.b=choice([8,8],[16,16])");
  CHECK(choice.kind == Kind::categorical);
  CHECK(choice.argument(1) == "+a.b=[16,16]");
  CHECK(choice.value("+a.b=[16,16]") == 1);
  CHECK(dimension("a=1,2").kind == Kind::categorical);
  const auto range = dimension("a=range(1,10,3)");
  CHECK(range.kind == Kind::grid);
  CHECK(range.texts == std::vector<std::string>{"1", "4", "7"});
  const auto interval = dimension("a=interval(1,10)");
  CHECK(interval.kind == Kind::real);
  CHECK(interval.argument(0.1) == "a=0.1");
  CHECK(interval.value("a=0.1") == 0.1);
  const auto whole = dimension("a=tag(log,int(interval(1,1000)))");
  CHECK(whole.kind == Kind::integer);
  CHECK((whole.log && whole.low == 1 && whole.high == 1000));
  CHECK(whole.argument(12) == "a=12");
  CHECK(dimension("a=interval(2,2)").argument(0) == "a=2.0");
}

TEST_CASE("what is no space is refused with the argument") {
  CHECK_THROWS_AS(dimension("a=interval(2,1)"), Error);
  CHECK_THROWS_AS(dimension("a=tag(log,interval(0,1))"), Error);
  CHECK_THROWS_AS(dimension("a=interval(0,1)").value("a=x"), Error);
  CHECK_THROWS_AS(dimension("a=1,2").value("b=1"), Error);
}

TEST_CASE("the search of a quadratic bowl ends nearer to its minimum than as many random trials") {
  const Space space = {dimension("x=interval(-5,5)"), dimension("y=interval(-5,5)")};
  const auto [found, by_chance] =
      found_and_random(space, [](const Values& at) { return square(at[0] - 2) + square(at[1] + 1); });
  INFO(found << " against " << by_chance);
  CHECK(found < 0.1);
  CHECK(found < by_chance / 3);
}

TEST_CASE("the search of a rate, even in the logarithm, finds its order of magnitude") {
  const Space space = {dimension("rate=tag(log,interval(1e-6,1))"), dimension("decay=tag(log,interval(1e-6,1))")};
  const auto [found, by_chance] = found_and_random(
      space, [](const Values& at) { return square(std::log10(at[0]) + 3) + square(std::log10(at[1]) + 2); });
  INFO(found << " against " << by_chance);
  CHECK(found < 0.05);
  CHECK(found < by_chance / 2);
}

TEST_CASE("whole numbers and choices are searched too") {
  const Space space = {dimension("width=int(interval(1,64))"), dimension("kernel=range(3,63,2)"),
                       dimension("kind=a,b,c,d")};
  const Loss loss = [](const Values& at) {  // least, 0, at width 48, kernel 3 + 2 * 5, kind c
    return std::abs(at[0] - 48) + std::abs(at[1] - 5) + (at[2] == 2 ? 0 : 20);
  };
  const auto [found, by_chance] = found_and_random(space, loss);
  INFO(found << " against " << by_chance);
  CHECK(found <= 3);
  CHECK(found < by_chance);
  for (const auto& trial : search(space, loss, 1, 60)) {
    CHECK((trial.values[0] == std::floor(trial.values[0]) && trial.values[0] >= 1 && trial.values[0] <= 64));
    CHECK((trial.values[1] == std::floor(trial.values[1]) && trial.values[1] >= 0 && trial.values[1] <= 29));
    CHECK((trial.values[2] == std::floor(trial.values[2]) && trial.values[2] >= 0 && trial.values[2] <= 3));
  }
}

TEST_CASE("every value of an integer interval is drawn, its ends as often as the rest") {
  const Space space = {dimension("n=int(interval(1,4))")};
  std::map<double, int> counts;
  for (uint64_t seed = 0; seed < 4000; ++seed) ++counts[cli::draw(space, seed)[0]];
  CHECK(counts.size() == 4);
  for (const auto& [value, count] : counts) {
    INFO(value);
    CHECK(std::abs(count - 1000) < 150);
  }
}

TEST_CASE("the same seed makes the same suggestions, another seed others") {
  const Space space = {dimension("x=interval(0,1)"), dimension("n=tag(log,int(interval(1,100)))"), dimension("k=a,b")};
  const Loss loss = [](const Values& at) { return square(at[0] - 0.3) + at[1] / 100 + at[2]; };
  const auto once = search(space, loss, 5, 30), again = search(space, loss, 5, 30), other = search(space, loss, 6, 30);
  for (size_t i = 0; i < once.size(); ++i) CHECK(once[i].values == again[i].values);
  CHECK(once[0].values != other[0].values);
}

TEST_CASE("a trial that failed keeps the search away") {
  const Space space = {dimension("x=interval(0,1)")};
  const double infinity = std::numeric_limits<double>::infinity();
  const auto trials = search(  // diverges above 0.3; below it, all values are as good
      space, [&](const Values& at) { return at[0] > 0.3 ? infinity : 1; }, 3, 80);
  const auto failed = [&](const cli::Trial& trial) { return trial.loss == infinity; };
  const auto middle = trials.begin() + 40;
  CHECK(std::count_if(middle, trials.end(), failed) <= 18);  // of 40; at random 28
}

namespace {

// A run whose val_loss is (width / 10 - 2)^2 + (rate - 0.25)^2; a rate above 0.9 fails. Run 7 waits while there is a
// file `wait`.
constexpr const char* bowl = R"(#!/bin/sh
for word in "$@"; do
  case "$word" in
    hydra.run.dir=*) run=${word#hydra.run.dir=?}; run=${run%?} ;;
    width=*) width=${word#width=} ;;
    rate=*) rate=${word#rate=} ;;
    --dry-run) exit 0 ;;
    --resume) resumed=yes ;;
    *) [ -n "$resumed" ] && [ -z "$run" ] && run=$word ;;
  esac
done
mkdir -p "$run/.hydra" "$run/model"
[ -n "$resumed" ] && read width rate < "$run/.hydra/config.yaml"
echo "$width $rate" > "$run/.hydra/config.yaml"
awk -v r=$rate 'BEGIN { exit r > 0.9 }' || { echo "mine.yaml: the loss is nan"; echo "  fix: lower it"; exit 1; }
[ -e "$run/../../wait" ] && [ "${run##*/}" = 7 ] && { echo > "$run/waiting"; trap 'exit 143' TERM; while :; do sleep 0.02; done; }
loss=$(awk -v w=$width -v r=$rate 'BEGIN { printf "%.17g", (w / 10 - 2)^2 + (r - 0.25)^2 }')
echo "{\"metrics\": {\"epoch\": 1, \"val_loss\": $loss, \"val_correlation\": $rate}}" > "$run/model/model.json"
echo '{}' > "$run/scores.json"
)";

class Searching : public SweepDesk {
 public:
  Searching() : SweepDesk("width: 1\nrate: 0.1\nobjective_target: val_loss\n", bowl) {}

  Ran search(const std::vector<std::string>& more, int trials) {
    std::vector<std::string> words = {"width=int(interval(1,64))", "rate=interval(0,1)",
                                      "hydra/sweeper=optuna",      "hydra.sweeper.sampler.seed=3",
                                      "hydra.sweeper.n_jobs=1",    "hydra.sweeper.n_trials=" + std::to_string(trials)};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::vector<std::vector<std::string>> jobs() const {
    std::vector<std::vector<std::string>> all;
    for (const auto& job : cli::read_sweep(sweep).jobs) all.push_back(job.overrides);
    return all;
  }
};

}  // namespace

TEST_CASE("a search runs its trials one after the other and names the best") {
  Searching searching;
  const Ran ran = searching.search({"+hydra.sweeper.max_failure_rate=0.5", "+fixed=1"}, 30);
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with("30 runs, 1 at a time, in " + searching.sweep + "\n#0  width="));
  CHECK(ran.output.find("run  width  rate") != std::string::npos);
  CHECK(ran.output.find("  val_loss") != std::string::npos);
  CHECK(ran.output.find("\nbest: #") != std::string::npos);
  const auto record = config::read_yaml(searching.sweep + "/optimization_results.yaml");
  CHECK(record.find("name")->string == "optuna");
  CHECK(record.find("best_params")->keys() == std::vector<std::string>{"width", "rate"});  // not what is fixed
  CHECK(record.find("best_value")->real < 0.2);
  CHECK(std::abs(static_cast<double>(record.at_path("best_params.width")->integer) - 20) <= 4);
  CHECK(content(searching.sweep + "/results.csv").find("run,width,rate,val_loss,") == 0);
}

TEST_CASE("a search that is stopped goes on as if it had not been") {
  Searching whole, stopped;
  whole.search({}, 16);
  std::ofstream(stopped.folder / "wait") << "";
  std::thread interrupts([&] {
    while (!fs::exists(stopped.sweep + "/7/waiting")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    kill(getpid(), SIGTERM);
  });
  const Ran ran = stopped.search({}, 16);
  interrupts.join();
  CHECK(ran.code == 143);
  CHECK(stopped.jobs().size() == 8);
  fs::remove(stopped.folder / "wait");
  const Ran resumed = stopped.resume();
  INFO(resumed.output);
  CHECK(resumed.output.starts_with("16 runs, 1 at a time"));
  CHECK(stopped.jobs() == whole.jobs());
  CHECK(content(stopped.sweep + "/results.csv") == content(whole.sweep + "/results.csv"));
}

TEST_CASE("several trials at a time are as many in all, and differ") {
  Searching searching;
  const Ran ran = searching.search({"--jobs", "4"}, 12);
  INFO(ran.output);
  auto jobs = searching.jobs();
  CHECK(jobs.size() == 12);
  std::sort(jobs.begin(), jobs.end());
  CHECK(std::unique(jobs.begin(), jobs.end()) == jobs.end());
}

TEST_CASE("an objective can be made large, and is what decides which epoch is best unless the config names one") {
  Searching searching;
  std::ofstream(searching.folder / "mine.yaml")
      << "width: 1\nrate: 0.1\nhydra:\n  sweep: {dir: " << searching.sweep << "}\n"
      << "  sweeper:\n    direction: maximize\n    params: {rate: 'interval(0, 0.8)', width: 'choice(1,2)'}\n"
      << "defaults:\n  - override hydra/sweeper: optuna\n  - _self_\n";
  const Ran ran = searching.run({"hydra.sweeper.n_trials=25", "hydra.sweeper.sampler.seed=1"});
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(config::read_yaml(searching.sweep + "/optimization_results.yaml").find("best_value")->real > 0.7);
  CHECK(ran.output.find("val_correlation") != std::string::npos);
}

TEST_CASE("Optuna's older search_space says the same") {
  const Folder folder;
  std::ofstream(folder / "mine.yaml")
      << "a: 1\nb: 1\nc: 1\nhydra:\n  sweeper:\n    search_space:\n      a: {type: float, low: 1e-3, high: 1, log: "
         "true}\n"
      << "      b: {type: int, low: 1, high: 8}\n      c: {type: categorical, choices: [x, 2]}\n";
  CHECK(config::search_arguments({{folder.path}, "mine", {"b=4"}}) ==
        std::vector<std::string>{"a=tag(log,interval(0.001,1))", "b=4", "c=choice('x',2)"});
}

TEST_CASE("a search is refused before anything runs, with a remedy") {
  const auto [more, problem] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"rate=0.5", "width=3"}, "has nothing to search"},
      {{"rate=interval(1,0)"}, "holds nothing"},
      {{"hydra.sweeper.direction=sideways"}, "direction"},
      {{"hydra.sweeper.direction=[minimize,maximize]"}, "asks for several objectives"},
      {{"hydra.sweeper.n_trials=0"}, "n_trials"},
      {{"hydra.sweeper.custom_search_space=mine.configure"}, "is a function of Python"},
      {{"hydra.sweeper.sampler._target_=optuna.samplers.CmaEsSampler"}, "is not known here"},
      {{"+hydra.sweeper.sampler.n_startup=3"}, "did you mean 'n_startup_trials'?"},
      {{"--launcher", "slurm"}, "does not go with a search"},
      {{"objective_target=val_correlation"}, "is minimize, but training_callbacks.model_checkpoint.mode, of the same"},
  }));
  Searching searching;
  const Ran ran = searching.search(more, 5);
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(ran.output.find(problem) != std::string::npos);
  CHECK(!fs::exists(searching.sweep));
}

TEST_CASE("--dry-run shows the space and the first trial") {
  Searching searching;
  const Ran ran = searching.search({"--dry-run"}, 5);
  INFO(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with(
      "minimize val_loss in 5 runs over\n  width=int(interval(1,64))\n  rate=interval(0,1)\n#0  "));
  CHECK(ran.output.ends_with("  " + searching.sweep + "/0\n1 of 1 job can run\n"));
  CHECK(!fs::exists(searching.sweep));
}

TEST_CASE("an objective that runs do not have fails them, with the names that they have") {
  Searching searching;
  const Ran ran = searching.search({"objective_target=val_los"}, 2);
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(ran.output.find("no metric is called 'val_los'\n  fix: did you mean 'val_loss'?") != std::string::npos);
}

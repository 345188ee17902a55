// Times our own training step as a user's run takes it: batch, forward, loss, penalties, metric, backward, clipping and
// optimiser, between one step and the next of plexiform::host::Experiment. Run by step.py.
//   step_bench FOLDER SHAPE NEURONS BATCH BINS STEPS THREADS CONFIG [override ...]
//   FOLDER  to make, for random data, initial.safetensors (the weights before the first step) and the run
//   SHAPE   "C,H,W" of the stimulus
// The data are BATCH trials of BINS frames, stimuli/train_*.npy: every batch holds all of them, so that the losses can be
// compared with those of another program. With PROFILE=1 in the environment a table of where the time went comes on standard
// error. Prints {"seconds": of each step after the first, "losses": of each step} as JSON.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <cli/host/memory.h>
#include <plexiform/host/experiment.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "profile.h"
#include "random_data.h"

using namespace plexiform;

namespace {

struct Stopwatch final : host::Observer {
  Stopwatch(int64_t steps, std::string folder) : steps(steps), folder(std::move(folder)) {}
  void epoch_begins(const host::Position&) override {
    if (losses.empty()) {
      std::filesystem::copy_file(folder + "/run/checkpoints/last.safetensors", folder + "/initial.safetensors");
      at::manual_seed(7);  // what a step draws, dropout and positions, openretina_step.py draws alike
    }
    last = std::chrono::steady_clock::now();
  }
  host::Next step_done(const host::Step& step) override {
    if (losses.empty() && std::getenv("PROFILE")) profile.emplace();
    const auto now = std::chrono::steady_clock::now();
    if (!losses.empty()) seconds.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
    losses.push_back(step.loss);
    if (std::ssize(losses) <= steps) return host::Next::go_on;
    if (profile) profile->print(steps);
    return host::Next::suspend;
  }
  const int64_t steps;
  const std::string folder;
  std::chrono::steady_clock::time_point last;
  std::optional<bench::Profile> profile;
  host::Json seconds = host::Json::array(), losses = host::Json::array();
};

}  // namespace

int main(int count, char** words) {
  if (count < 9) {
    std::fprintf(stderr, "step_bench FOLDER SHAPE NEURONS BATCH BINS STEPS THREADS CONFIG [override ...]\n");
    return 2;
  }
  cli::keep_freed_memory();  // as the command line does
  try {
    const std::string folder = words[1];
    const int64_t batch = std::stoll(words[4]), bins = std::stoll(words[5]), steps = std::stoll(words[6]);
    at::set_num_threads(std::stoi(words[7]));
    bench::write_data(folder + "/data", words[2], std::stoll(words[3]), batch, bins);
    auto overrides = bench::overrides(folder + "/data", batch, bins, steps + 2);
    overrides.insert(overrides.end(), words + 9, words + count);
    host::Experiment experiment({words[8], overrides, {}, folder + "/run"});
    Stopwatch watch(steps, folder);
    experiment.train(watch);
    std::printf("%s\n", host::Json({{"seconds", watch.seconds}, {"losses", watch.losses}}).dump().c_str());
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

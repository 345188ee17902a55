// Times our own training step as a user's run takes it: batch, forward, loss, penalties, metric, backward, clipping and
// optimiser, between one step and the next of plexiform::host::Experiment. Run by step.py.
//   step_bench FOLDER SHAPE NEURONS FRAMES STEPS THREADS CONFIG [override ...]
//   FOLDER  to make, for random data and the run;  SHAPE  "C,H,W" of the stimulus;  FRAMES  of it
// Prints the seconds of each step after the first two, as a JSON list.
#include <ATen/Parallel.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <data/array_files.h>
#include <plexiform/host/experiment.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

using namespace plexiform;

namespace {

struct Stopwatch final : host::Observer {
  explicit Stopwatch(int64_t steps) : steps(steps) {}
  void epoch_begins(const host::Position& at) override {
    if (at.batches < steps + warm_up) throw Error("FRAMES", "are too few for one epoch with all steps", "more frames");
  }
  host::Next step_done(const host::Step&) override {
    const auto now = std::chrono::steady_clock::now();
    if (done++ >= warm_up) seconds.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
    return done < steps + warm_up ? host::Next::go_on : host::Next::suspend;
  }
  static constexpr int64_t warm_up = 2;
  const int64_t steps;
  int64_t done = 0;
  std::chrono::steady_clock::time_point last;
  host::Json seconds = host::Json::array();
};

void write_data(const std::string& folder, const std::string& shape, int64_t neurons, int64_t frames) {
  long long c = 0, h = 0, w = 0;
  if (std::sscanf(shape.c_str(), "%lld,%lld,%lld", &c, &h, &w) != 3) throw Error(shape, "is no shape", "C,H,W");
  std::filesystem::create_directories(folder + "/stimuli");
  data::Hdf5File session(folder + "/session.h5", data::Hdf5File::Mode::create);
  for (const auto& [name, length] : {std::pair<std::string, int64_t>{"train", frames}, {"test", 150}}) {
    data::write_npy(folder + "/stimuli/" + name + ".npy", at::randn({c, length, h, w}));
    session.write("responses_" + name, at::rand({neurons, length}));
  }
  session.close();
}

}  // namespace

int main(int count, char** words) {
  if (count < 8) {
    std::fprintf(stderr, "step_bench FOLDER SHAPE NEURONS FRAMES STEPS THREADS CONFIG [override ...]\n");
    return 2;
  }
  try {
    const std::string folder = words[1];
    at::set_num_threads(std::stoi(words[6]));
    write_data(folder + "/data", words[2], std::stoll(words[3]), std::stoll(words[4]));
    std::vector<std::string> overrides(words + 8, words + count);
    overrides.push_back("paths.data_dir=" + folder + "/data");
    host::Experiment experiment({words[7], overrides, {}, folder + "/run"});
    Stopwatch watch(std::stoll(words[5]));
    experiment.train(watch);
    std::printf("%s\n", watch.seconds.dump().c_str());
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

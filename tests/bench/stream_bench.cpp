// Times how long a trained model takes for one frame, as `plexiform stream` and TrainedModel::step do it, on one thread.
//   stream_bench FOLDER SHAPE NEURONS FRAMES CONFIG [override ...]
//   FOLDER  to make, for random data and a run of one step;  SHAPE  "C,H,W" of the stimulus
// Prints {"median", "p99", "max": seconds, "apart": step() from predict(), relative to the largest rate} as JSON.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <cli/host/memory.h>
#include <plexiform/host/experiment.h>
#include <plexiform/host/trained_model.h>

#include <algorithm>
#include <chrono>

#include "random_data.h"

using namespace plexiform;

int main(int count, char** words) {
  if (count < 6) {
    std::fprintf(stderr, "stream_bench FOLDER SHAPE NEURONS FRAMES CONFIG [override ...]\n");
    return 2;
  }
  cli::keep_freed_memory();  // as the command line does
  try {
    const std::string folder = words[1];
    const int64_t bins = 50, frames = std::stoll(words[4]);
    at::set_num_threads(1);
    bench::write_data(folder + "/data", words[2], std::stoll(words[3]), 1, bins);
    auto overrides = bench::overrides(folder + "/data", 1, bins, 1);
    overrides.insert(overrides.end(), words + 6, words + count);
    host::Experiment experiment({words[5], overrides, {}, folder + "/run"});
    host::TrainedModel model(experiment.train().model);

    const Shape window = model.window();
    const auto clip = at::randn({1, window.channels, bins, window.height, window.width});
    const auto expected = model.predict(clip, "session").squeeze(0);
    std::vector<at::Tensor> rates;
    model.start("session");
    for (int64_t t = 0; t < bins; ++t) {
      const auto rate = model.step(clip.select(2, t).squeeze(0));
      if (rate.defined()) rates.push_back(rate);
    }
    const double apart = ((at::stack(rates) - expected).abs().max() / expected.abs().max()).item<double>();

    const auto frame = clip.select(2, 0).squeeze(0).contiguous();
    std::vector<double> seconds;
    for (int64_t t = 0; t < frames; ++t) {
      const auto start = std::chrono::steady_clock::now();
      model.step(frame);
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    const host::Json result = {{"median", seconds[seconds.size() / 2]},
                               {"p99", seconds[seconds.size() * 99 / 100]},
                               {"max", seconds.back()},
                               {"apart", apart}};
    std::printf("%s\n", result.dump().c_str());
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

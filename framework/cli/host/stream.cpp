// plexiform stream RUN: frames in, rates out, one frame at a time.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <cli/host/commands.h>
#include <cli/host/interrupt.h>
#include <cli/host/where_it_ran.h>
#include <cli/parse.h>
#include <data/array_files.h>
#include <fmt/format.h>
#include <model/bundle.h>
#include <model/denormals.h>
#include <plexiform/host/trained_model.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace plexiform::cli {
namespace {

constexpr const char* about =
    "Predicts a movie frame by frame, as in a closed loop. Writes a line for each bin that has a prediction: the rates "
    "of the session's neurons in the units of its responses, with tabs between. At the end it reports on standard "
    "error "
    "how long a frame took.";

// The frames of a movie, one by one: (C, H, W), undefined after the last.
class Frames {
 public:
  // file: a .npy (C, T, H, W), as the movies of a recording; "-": raw float32 of this machine's byte order from standard
  // input, C x H x W values a frame.
  Frames(const std::string& file, const Shape& window) : window_(window) {
    if (file == "-") return;
    movie_ = data::read_npy(file);
    if (movie_.dim() != 4 || movie_.size(0) != window.channels || movie_.size(2) != window.height ||
        movie_.size(3) != window.width) {
      throw Error(file, fmt::format("is of ({}), not of the model's (C, T, H, W)", fmt::join(movie_.sizes(), ", ")),
                  fmt::format("give it ({}, T, {}, {})", window.channels, window.height, window.width));
    }
    if (!movie_.isfinite().all().item<bool>()) throw Error(file, "holds NaN or infinity", "mend the movie");
  }

  at::Tensor next() {
    if (movie_.defined()) return number_ < movie_.size(1) ? movie_.select(1, number_++) : at::Tensor();
    const at::Tensor frame = at::empty({window_.channels, window_.height, window_.width});
    const auto wanted = static_cast<size_t>(frame.numel());
    const size_t got = std::fread(frame.mutable_data_ptr<float>(), 1, wanted * sizeof(float), stdin);
    if (got == 0) return {};
    if (got != wanted * sizeof(float)) {
      throw Error("standard input", fmt::format("ends within frame {}, after {} bytes of it", number_ + 1, got),
                  fmt::format("give it float32, {} values a frame", wanted));
    }
    ++number_;
    return frame;
  }

 private:
  const Shape window_;
  at::Tensor movie_;
  int64_t number_ = 0;
};

// The traces NAME=FILE of --trace, (K, T) each as in a recording; those of one frame are their column.
class Traces {
 public:
  explicit Traces(const std::vector<std::string>& given) {
    for (const auto& one : given) {
      const auto split = one.find('=');
      if (split == std::string::npos || split == 0)
        throw Error("--trace " + one, "names no trace", "write NAME=FILE.npy");
      const std::string file = one.substr(split + 1);
      const at::Tensor values = data::read_npy(file);
      if (values.dim() != 2) throw Error(file, "has not the axes (rows, frames)", "store one column a frame");
      all_.push_back({one.substr(0, split), values});
    }
  }

  std::vector<Named> of(int64_t frame) const {
    std::vector<Named> now;
    for (const auto& [name, values] : all_) {
      if (frame >= values.size(1)) {
        throw Error("--trace " + name, fmt::format("ends before frame {} of the movie", frame + 1),
                    "give it a column for each frame");
      }
      now.push_back({name, values.select(1, frame)});
    }
    return now;
  }

 private:
  std::vector<Named> all_;
};

std::string line_of(const at::Tensor& rates) {
  const at::Tensor values = rates.contiguous();
  const float* first = values.const_data_ptr<float>();
  return fmt::format("{}\n", fmt::join(first, first + values.numel(), "\t"));
}

void report(const std::string& session, std::vector<double>& microseconds, int threads) {
  if (microseconds.empty()) {
    fmt::print(stderr, "no prediction of session {}: the movie ended before the first\n", session);
    return;
  }
  std::sort(microseconds.begin(), microseconds.end());
  const auto share = [&](double p) {
    return microseconds[std::min(microseconds.size() - 1, static_cast<size_t>(p * double(microseconds.size())))];
  };
  fmt::print(stderr, "{} predictions of session {}, {} thread{}: p50 {:.0f} us, p99 {:.0f} us, max {:.0f} us a frame\n",
             microseconds.size(), session, threads, threads == 1 ? "" : "s", share(0.5), share(0.99),
             microseconds.back());
}

}  // namespace

int stream(const Arguments& arguments) {
  CLI::App app(about, "plexiform stream");
  std::string folder, session, file = "-", output;
  std::vector<std::string> given;
  int threads = 1;
  app.add_option("RUN", folder, "a run folder or its model/")->required();
  app.add_option("--frames", file, "a movie (C, T, H, W) as .npy; -: raw float32 from standard input")
      ->capture_default_str();
  app.add_option("--trace", given, "what the model reads beside the movie: NAME=FILE.npy (rows, frames)");
  app.add_option("--session", session, "whose neurons to predict (default: the first)");
  app.add_option("--output", output, "a file for the rates (default: standard output)");
  app.add_option("--threads", threads, "that compute")->check(CLI::PositiveNumber)->capture_default_str();
  host::Plugins plugins;
  add_plugin_options(app, plugins);
  if (!parse(app, arguments)) return 0;

  at::set_num_threads(threads);
  model::flush_denormals();
  add_plugins_of_run(folder, plugins);
  host::TrainedModel model(model::bundle_folder(folder), plugins);
  for (const auto& warning : model.warnings()) fmt::print(stderr, "note: {}\n", warning);
  Frames frames(file, model.window());
  const Traces traces(given);
  if (session.empty()) session = model.sessions().front();
  model.start(session);
  const auto close = [](std::FILE* opened) { return opened == stdout ? std::fflush(opened) : std::fclose(opened); };
  std::unique_ptr<std::FILE, decltype(close)> lines(output.empty() ? stdout : std::fopen(output.c_str(), "wx"), close);
  if (!lines) throw Error(output, "is there already, or cannot be written", "name a new file");

  const InterruptGuard guard;
  std::vector<double> microseconds;  // of the frames that gave a prediction
  for (int64_t number = 0; !InterruptGuard::requested(); ++number) {
    const at::Tensor frame = frames.next();
    if (!frame.defined()) break;
    const auto known = traces.of(number);
    const auto before = std::chrono::steady_clock::now();
    const at::Tensor rates = model.step(frame, known);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - before;
    if (!rates.defined()) continue;
    microseconds.push_back(took.count());
    const std::string line = line_of(rates);
    if (std::fwrite(line.data(), 1, line.size(), lines.get()) != line.size() || std::fflush(lines.get()) != 0) {
      throw Error(output.empty() ? "standard output" : output, "takes no more", "make room, or keep the reader open");
    }
  }
  report(session, microseconds, threads);
  if (const int signal = InterruptGuard::requested()) return 128 + signal;
  return 0;
}

}  // namespace plexiform::cli

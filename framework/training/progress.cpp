#include <fmt/format.h>
#include <training/progress.h>

#include <cstdio>
#include <fstream>
#include <limits>

namespace plexiform::training {
namespace {

double seconds(std::chrono::steady_clock::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void Progress::start_epoch(int64_t epoch, int64_t epochs, int64_t steps, int64_t done) {
  epoch_ = epoch;
  epochs_ = epochs;
  steps_ = steps;
  first_ = done_ = done;
  start_ = Clock::now();
}

void Progress::step(int64_t done, double loss) {
  done_ = done;
  const auto now = Clock::now();
  if (!bar_ || (drawn_ && now - last_drawn_ < std::chrono::milliseconds(100))) return;
  constexpr int64_t width = 24;
  const int64_t filled = width * done / std::max<int64_t>(steps_, 1);
  std::string bar;
  for (int64_t i = 0; i < width; ++i) bar += i < filled ? "━" : "╌";
  const double rate = static_cast<double>(done - first_) / std::max(seconds(now - start_), 1e-9);
  fmt::print(stderr, "\r\033[Kepoch {}/{} {} {}/{}  {:.1f} steps/s  {:.0f} s left  loss {:.4g}", epoch_ + 1, epochs_,
             bar, done, steps_, rate, static_cast<double>(steps_ - done) / rate, loss);
  std::fflush(stderr);
  drawn_ = true;
  last_drawn_ = now;
}

void Progress::end_epoch(const Json& means, const std::string& monitor, double learning_rate, bool best) {
  const double time = seconds(Clock::now() - start_);
  std::string line = fmt::format("epoch {:3}/{}", epoch_ + 1, epochs_);
  auto number = [](const Json& value) {
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  };
  if (means.contains("train_loss")) line += fmt::format("  train_loss {:.4f}", number(means["train_loss"]));
  if (means.contains("val_loss")) line += fmt::format("  val_loss {:.4f}", number(means["val_loss"]));
  if (means.contains("val_correlation"))
    line += fmt::format("  val_correlation {:.4f}", number(means["val_correlation"]));
  if (means.contains(monitor) && monitor != "val_loss" && monitor != "val_correlation") {
    line += fmt::format("  {} {:.4f}", monitor, number(means[monitor]));
  }
  line += fmt::format("  lr {:.3g}  {:.1f} s  {:.1f} steps/s{}", learning_rate, time,
                      static_cast<double>(done_ - first_) / std::max(time, 1e-9), best ? "  best" : "");
  say(line);
}

void Progress::say(const std::string& text) {
  clear();
  fmt::print(stderr, "{}\n", text);
  std::fflush(stderr);
  if (!log_.empty()) std::ofstream(log_, std::ios::app) << text << "\n";
}

void Progress::clear() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace plexiform::training

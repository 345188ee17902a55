#include <cli/host/console.h>
#include <cli/host/memory.h>
#include <fmt/format.h>

#include <cstdio>

namespace plexiform::cli {

namespace {

host::Next next() { return InterruptGuard::requested() ? host::Next::suspend : host::Next::go_on; }

}  // namespace

host::Next Console::step_done(const host::Step& step) {
  const auto now = std::chrono::steady_clock::now();
  if (!bar_ || (drawn_ && now - last_drawn_ < std::chrono::milliseconds(100))) return next();
  constexpr int64_t width = 24;
  const auto& at = step.at;
  const int64_t filled = width * at.batch / std::max<int64_t>(at.batches, 1);
  std::string bar;
  for (int64_t i = 0; i < width; ++i) bar += i < filled ? "━" : "╌";
  const double rate = static_cast<double>(at.batch - first_batch()) / std::max(seconds(), 1e-9);
  fmt::print(stderr, "\r\033[Kepoch {}/{} {} {}/{}  {:.1f} steps/s  {:.0f} s left  loss {:.4g}", at.epoch, at.epochs,
             bar, at.batch, at.batches, rate, static_cast<double>(at.batches - at.batch) / rate, step.loss);
  std::fflush(stderr);
  drawn_ = true;
  last_drawn_ = now;
  return next();
}

host::Next Console::epoch_done(const host::Epoch& epoch) {
  EpochLines::epoch_done(epoch);
  return next();
}

void Console::scores_begin() { return_freed_memory(); }

void Console::say(const std::string& line) {
  clear();
  fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
}

void Console::clear() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace plexiform::cli

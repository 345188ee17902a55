#include <fmt/format.h>
#include <training/progress.h>

#include <fstream>
#include <limits>

namespace plexiform::training {

using host::Json;

void EpochLines::epoch_begins(const host::Position& at) {
  first_ = at.batch;
  start_ = std::chrono::steady_clock::now();
}

double EpochLines::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::string EpochLines::line(const host::Epoch& epoch, const std::string& where) {
  const Json& metrics = epoch.metrics;
  std::string line = fmt::format("epoch {:3}/{}{}", epoch.at.epoch, epoch.at.epochs, where);
  auto add = [&](const std::string& name, const char* format) {
    const auto value = metrics.find(name);
    if (value == metrics.end()) return;
    const double number = value->is_number() ? value->get<double>() : std::numeric_limits<double>::quiet_NaN();
    line += fmt::format("  {} ", name) + fmt::format(fmt::runtime(format), number);
  };
  for (const char* name : {"train_loss", "val_loss", "val_correlation"}) add(name, "{:.4f}");
  if (epoch.monitor != "val_loss" && epoch.monitor != "val_correlation") add(epoch.monitor, "{:.4f}");
  add("lr", "{:.3g}");
  return line;
}

host::Next EpochLines::epoch_done(const host::Epoch& epoch) {
  const double time = seconds();
  say(line(epoch, "") + fmt::format("  {:.1f} s  {:.1f} steps/s{}", time,
                                    static_cast<double>(epoch.at.batch - first_) / std::max(time, 1e-9),
                                    epoch.best ? "  best" : ""));
  return host::Next::go_on;
}

host::Next EpochLines::validated(const host::Epoch& epoch) {
  say(line(epoch, fmt::format("  batch {:4}/{}", epoch.at.batch, epoch.at.batches)) + (epoch.best ? "  best" : ""));
  return host::Next::go_on;
}

void LogFile::say(const std::string& line) { std::ofstream(path_, std::ios::app) << line << "\n"; }

}  // namespace plexiform::training

#include <files/atomic_file.h>
#include <plexiform/error.h>
#include <plugins/lock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace plexiform::plugins {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format = "plexiform.plugins/1";

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string Pin::text() const { return plugin + " " + version + " (SHA-256 " + sha256 + ")"; }

Lock Lock::named(const std::string& file) { return read(file, "bring back the pinned file, or leave --locked out"); }

std::optional<Lock> Lock::of_run(const std::string& folder) {
  const std::string file = folder + "/plugins.lock";
  if (!std::filesystem::exists(file)) return {};
  return read(file, "bring back the file that the run used, or go on with this one: --accept-plugin-change");
}

Lock Lock::read(const std::string& file, const std::string& remedy) {
  Lock lock;
  lock.file_ = file;
  lock.remedy_ = remedy;
  std::ifstream in(file);
  if (!in) throw Error(file, "cannot be read", "name a lock file: each run has one, plugins.lock, in its folder");
  try {
    const Json all = Json::parse(in);
    if (all.at("format") != format) throw std::invalid_argument("format");
    for (const auto& entry : all.at("plugins")) {
      lock.pins_.push_back({entry.at("plugin"), entry.at("version"), entry.at("sha256")});
      if (!is_sha256(lock.pins_.back().sha256)) throw std::invalid_argument("sha256");
    }
  } catch (const std::exception&) {
    throw Error(file, "is no lock file, or a damaged one", "take the plugins.lock of a run");
  }
  return lock;
}

Lock Lock::of(const std::vector<Pin>& used) {
  Lock lock;
  for (const auto& pin : used) {
    if (std::find(lock.pins_.begin(), lock.pins_.end(), pin) == lock.pins_.end()) lock.pins_.push_back(pin);
  }
  return lock;
}

void Lock::write(const std::string& file) const {
  Json plugins = Json::array();
  for (const auto& pin : pins_) {
    plugins.push_back({{"plugin", pin.plugin}, {"version", pin.version}, {"sha256", pin.sha256}});
  }
  files::write_atomically(file, Json{{"format", format}, {"plugins", plugins}}.dump(2) + "\n");
}

void Lock::check(const Pin& found, const std::string& plugin_file) const {
  std::string pinned;
  for (const auto& pin : pins_) {
    if (pin.plugin != found.plugin) continue;
    if (pin.sha256 == found.sha256) return;
    pinned += (pinned.empty() ? "" : " and ") + pin.text();
  }
  throw Error(plugin_file,
              "is " + found.text() + ", but " + file_ + (pinned.empty() ? " does not list it" : " pins " + pinned),
              remedy_);
}

}  // namespace plexiform::plugins

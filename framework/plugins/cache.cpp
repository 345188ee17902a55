#include <files/atomic_file.h>
#include <plugins/cache.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace plexiform::plugins {

namespace fs = std::filesystem;

namespace {

constexpr int format = 1;

const char* text(Verdict verdict) {
  return verdict == Verdict::good ? "good" : verdict == Verdict::failed ? "failed" : "blocked";
}

Verdict parse_verdict(const std::string& text) {
  if (text == "good") return Verdict::good;
  if (text == "failed") return Verdict::failed;
  if (text == "blocked") return Verdict::blocked;
  throw std::invalid_argument("verdict");
}

}  // namespace

bool is_description(const Json& components) {
  const auto holds = [](const Json& object, const char* key, bool (Json::*is)() const) {
    return !object.contains(key) || (object[key].*is)();
  };
  const auto is_knob = [&](const Json& knob) {
    return knob.is_object() && knob.contains("name") && knob.contains("type") &&
           holds(knob, "name", &Json::is_string) && holds(knob, "type", &Json::is_string) &&
           holds(knob, "doc", &Json::is_string) && holds(knob, "unit", &Json::is_string) &&
           holds(knob, "min", &Json::is_number) && holds(knob, "max", &Json::is_number) &&
           holds(knob, "step", &Json::is_number) && holds(knob, "choices", &Json::is_array) &&
           (!knob.contains("choices") || std::all_of(knob["choices"].begin(), knob["choices"].end(),
                                                     [](const Json& choice) { return choice.is_string(); }));
  };
  if (!components.is_array()) return false;
  for (const auto& component : components) {
    if (!component.is_object() || !component.contains("kind") || !component["kind"].is_string()) return false;
    if (!component.contains("name") || !component["name"].is_string()) return false;
    if (!component.contains("knobs") || !component["knobs"].is_array()) return false;
    if (!std::all_of(component["knobs"].begin(), component["knobs"].end(), is_knob)) return false;
  }
  return true;
}

std::string Cache::default_file() {
  const auto absolute = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value && *value == '/' ? value : "";
  };
  fs::path cache = absolute("XDG_CACHE_HOME");
  if (cache.empty()) {
    const fs::path home = absolute("HOME");
    if (home.empty()) return "";
    cache = home / ".cache";
  }
  const HostBuild host = this_host();
  return (cache / "plexiform" /
          ("plugins-" PLEXIFORM_VERSION "-torch" + host.torch_version + "-" + host.platform + ".json"))
      .string();
}

std::map<std::string, Cache::Record> Cache::read(const std::string& file) {
  std::map<std::string, Record> records;
  try {
    std::ifstream in(file);
    const Json all = Json::parse(in);
    if (all.at("format") != format) return {};
    for (const auto& [path, entry] : all.at("files").items()) {
      Record record;
      const auto& stamp = entry.at("stamp");
      record.stamp = {stamp.at("device").get<uint64_t>(), stamp.at("inode").get<uint64_t>(),
                      stamp.at("size").get<uint64_t>(), stamp.at("mtime_ns").get<int64_t>()};
      record.sha256 = entry.at("sha256").get<std::string>();
      record.used = entry.value("used", "");
      record.seen.verdict = parse_verdict(entry.at("verdict").get<std::string>());
      record.seen.problem = {entry.at("problem").get<std::string>(), entry.at("fix").get<std::string>()};
      record.seen.components = entry.at("components");
      if (!is_description(record.seen.components)) return {};
      records.emplace(path, std::move(record));
    }
  } catch (const std::exception&) {
    return {};
  }
  return records;
}

Cache::Cache(std::string file) : file_(std::move(file)) {
  if (!file_.empty()) records_ = read(file_);
}

const Seen* Cache::find(const std::string& path, const Stamp& stamp) const {
  const auto found = records_.find(path);
  return found != records_.end() && found->second.stamp == stamp ? &found->second.seen : nullptr;
}

const Seen* Cache::find_content(const std::string& sha256) const {
  for (const auto& [path, record] : records_) {
    if (record.sha256 == sha256) return &record.seen;
  }
  return nullptr;
}

std::string Cache::sha256(const std::string& path, const Stamp& stamp) const {
  const auto found = records_.find(path);
  return found != records_.end() && found->second.stamp == stamp ? found->second.sha256 : "";
}

void Cache::put(const std::string& path, const Stamp& stamp, const std::string& sha256, Seen seen) {
  Record& record = records_[path];
  record = {stamp, sha256, std::move(seen), record.used, true};
}

std::string Cache::use(const std::string& path, const std::string& sha256) {
  const auto found = records_.find(path);
  if (found == records_.end()) return "";  // its file was never opened: a test's
  found->second.mine |= found->second.used != sha256;
  return std::exchange(found->second.used, sha256);
}

bool Cache::save() {
  if (file_.empty()) return false;
  auto all = read(file_);
  for (const auto& [path, record] : records_) {
    if (record.mine) all[path] = record;
  }
  Json files = Json::object();
  for (const auto& [path, record] : all) {
    std::error_code gone;
    if (!fs::exists(path, gone)) continue;
    files[path] = {{"stamp",
                    {{"device", record.stamp.device},
                     {"inode", record.stamp.inode},
                     {"size", record.stamp.size},
                     {"mtime_ns", record.stamp.mtime_ns}}},
                   {"sha256", record.sha256},
                   {"used", record.used},
                   {"verdict", text(record.seen.verdict)},
                   {"problem", record.seen.problem.problem},
                   {"fix", record.seen.problem.fix},
                   {"components", record.seen.components.is_array() ? record.seen.components : Json::array()}};
  }
  const std::string bytes =
      Json{{"format", format}, {"files", files}}.dump(1, ' ', false, Json::error_handler_t::replace);

  try {
    fs::create_directories(fs::path(file_).parent_path());
    files::write_atomically(file_, bytes, 0600);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace plexiform::plugins

#include <fmt/format.h>
#include <training/model_checkpoint.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>

namespace plexiform::training {

std::string checkpoint_name(const CheckpointParams& params, const Json& metrics) {
  if (!params.filename) return "best.safetensors";
  // {name:spec} -> name=value, as Lightning writes it; a spec is Python's, which fmt shares.
  static const std::regex field(R"(\{([^{}:]+)(:[^{}]*)?\})");
  std::string name, rest = *params.filename;
  for (std::smatch match; std::regex_search(rest, match, field); rest = match.suffix()) {
    const std::string key = match[1], spec = fmt::format("{{{}}}", match[2].str());
    const Json value = metrics.contains(key) ? metrics[key] : Json(0);
    name += match.prefix().str() + (params.auto_insert_metric_name ? key + "=" : "");
    try {
      name += value.is_number_integer() ? fmt::format(fmt::runtime(spec), value.get<int64_t>())
                                        : fmt::format(fmt::runtime(spec), value.get<double>());
    } catch (const fmt::format_error&) {
      name += value.dump();
    }
  }
  return name + rest + ".safetensors";
}

bool KeptCheckpoints::is_best(double value) const {
  return std::isfinite(value) && (kept_.empty() || better(value, kept_.front().value));
}

bool KeptCheckpoints::earns_a_place(double value) const {
  if (!std::isfinite(value) || params_.save_top_k == 0) return false;
  const bool room = params_.save_top_k < 0 || static_cast<int64_t>(kept_.size()) < params_.save_top_k;
  return room || better(value, kept_.back().value);
}

std::string KeptCheckpoints::add(const Json& metrics, double value, std::vector<std::string>& lost) {
  const std::string wanted = checkpoint_name(params_, metrics), stem = std::filesystem::path(wanted).stem().string();
  if (params_.save_top_k > 0) {
    while (static_cast<int64_t>(kept_.size()) >= params_.save_top_k) {
      lost.push_back(kept_.back().file);
      kept_.pop_back();
    }
  }
  const auto taken = [&](const std::string& name) {
    return std::any_of(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.file == name; });
  };
  std::string file = wanted;
  for (int version = 1; taken(file); ++version) file = fmt::format("{}-v{}.safetensors", stem, version);
  std::erase(lost, file);  // it is replaced
  const auto place =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& one) { return better(value, one.value); });
  kept_.insert(place, {file, value});
  return file;
}

Json KeptCheckpoints::state() const {
  Json all = Json::array();
  for (const auto& [file, value] : kept_) all.push_back({file, value});
  return all;
}

void KeptCheckpoints::restore(const Json& state) {
  kept_.clear();
  for (const auto& one : state) kept_.push_back({one.at(0), one.at(1)});
}

}  // namespace plexiform::training

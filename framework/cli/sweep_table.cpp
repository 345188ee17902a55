#include <cli/sweep_table.h>
#include <config/node.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>

namespace plexiform::cli {
namespace {

using Row = std::vector<std::string>;

// Metrics of scores.json and what the table calls them, as in the table of a single run.
constexpr std::array metrics = {std::pair{"correlation_to_average", "test correlation"},
                                std::pair{"noise_ceiling", "noise ceiling"},
                                std::pair{"normalized_correlation", "fraction"}};

std::string median(const config::Json& scores, const std::string& metric) {
  const auto path = config::Json::json_pointer("/summary/" + metric + "/median");
  return scores.contains(path) && scores[path].is_number() ? fmt::format("{:.3f}", scores[path].get<double>()) : "";
}

config::Json scores_of(const std::string& run_folder) {
  std::ifstream file(run_folder + "/scores.json");
  return file ? config::Json::parse(file, nullptr, false) : config::Json();
}

// "seed" -> "1" of "seed=1"; "~a" -> "" .
std::pair<std::string, std::string> key_and_value(const std::string& override) {
  const auto equals = override.find('=');
  const std::string key = override.substr(0, equals);
  return {key.substr(std::min(key.find_first_not_of('+'), key.size())),
          equals == std::string::npos ? "" : override.substr(equals + 1)};
}

// The header, then a row per run.
std::vector<Row> rows(const std::deque<SweepResult>& results, const std::string& objective) {
  std::vector<std::string> keys;
  std::map<std::string, std::set<std::string>> seen;
  for (const auto& result : results) {
    for (const auto& override : result.job->overrides) {
      const auto [key, value] = key_and_value(override);
      if (seen[key].empty()) keys.push_back(key);
      seen[key].insert(value);
    }
  }
  std::erase_if(keys, [&](const std::string& key) { return seen[key].size() < 2 && results.size() > 1; });
  std::vector<Row> table(1, {"run"});
  table[0].insert(table[0].end(), keys.begin(), keys.end());
  if (!objective.empty()) table[0].push_back(objective);
  for (const auto& [metric, title] : metrics) table[0].push_back(title);
  table[0].push_back("status");
  for (const auto& result : results) {
    std::map<std::string, std::string> values;
    for (const auto& override : result.job->overrides)
      values.insert_or_assign(key_and_value(override).first, key_and_value(override).second);
    Row row = {std::to_string(result.job->number)};
    for (const auto& key : keys) row.push_back(values[key]);
    if (!objective.empty()) row.push_back(result.objective ? fmt::format("{:.6g}", *result.objective) : "");
    const config::Json scores = result.status == "done" ? scores_of(result.folder) : config::Json();
    for (const auto& [metric, title] : metrics) row.push_back(median(scores, metric));
    row.push_back(result.status);
    table.push_back(std::move(row));
  }
  return table;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted(1, '"');
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

}  // namespace

std::string to_table(const std::deque<SweepResult>& results, const std::string& objective) {
  const auto table = rows(results, objective);
  std::vector<size_t> widths(table[0].size());
  for (const auto& row : table) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : table) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i].empty() ? "-" : row[i], widths[i]);
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string to_csv(const std::deque<SweepResult>& results, const std::string& objective) {
  std::string text;
  for (const auto& row : rows(results, objective)) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i) text += ',';
      text += csv_field(row[i]);
    }
    text += '\n';
  }
  return text;
}

std::string score(const std::string& run_folder) { return median(scores_of(run_folder), metrics[0].first); }

}  // namespace plexiform::cli

#include <files/atomic_file.h>
#include <fmt/format.h>
#include <training/metrics_log.h>

#include <algorithm>

namespace plexiform::training {

void EpochMeans::add(const std::string& name, double value, double weight) {
  auto found = std::find_if(sums_.begin(), sums_.end(), [&](const auto& s) { return s.first == name; });
  if (found == sums_.end()) found = sums_.insert(sums_.end(), {name, {}});
  found->second.total += weight * value;
  found->second.weight += weight;
}

Json EpochMeans::means() const {
  Json result = Json::object();
  for (const auto& [name, sum] : sums_) result[name] = sum.total / sum.weight;
  return result;
}

Json EpochMeans::state() const {
  Json result = Json::object();
  for (const auto& [name, sum] : sums_) result[name] = {sum.total, sum.weight};
  return result;
}

void EpochMeans::restore(const Json& state) {
  sums_.clear();
  for (const auto& [name, sum] : state.items()) sums_.push_back({name, {sum.at(0), sum.at(1)}});
}

void write_metrics_csv(const std::string& file, const Json& rows) {
  std::vector<std::string> columns;
  for (const auto& row : rows) {
    for (const auto& [name, value] : row.items()) {
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
  }
  std::string text;
  for (const auto& column : columns) text += (text.empty() ? "" : ",") + column;
  text += "\n";
  for (const auto& row : rows) {
    std::string line;
    for (const auto& column : columns) {
      if (&column != &columns.front()) line += ",";
      if (row.contains(column)) line += row[column].dump();
    }
    text += line + "\n";
  }
  files::write_atomically(file, text);
}

}  // namespace plexiform::training

#include <ATen/ops/cat.h>
#include <evaluation/metrics.h>
#include <evaluation/report.h>
#include <files/atomic_file.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace plexiform::evaluation {

using Json = nlohmann::ordered_json;

namespace {

std::vector<double> numbers(const at::Tensor& scores) {
  const at::Tensor x = scores.to(at::kCPU, at::kDouble).contiguous();
  const double* data = x.const_data_ptr<double>();
  return {data, data + x.numel()};
}

const at::Tensor* find(const NeuronScores& one, const std::string& metric) {
  for (const auto& [name, tensor] : one.scores) {
    if (name == metric) return &tensor;
  }
  return nullptr;
}

int64_t count(const NeuronScores& one) {
  const int64_t n = one.scores.empty() ? 0 : one.scores[0].tensor.numel();
  for (const auto& [name, scores] : one.scores) {
    if (scores.numel() != n) throw std::invalid_argument("scores of " + name + " are of other neurons");
  }
  if (!one.neurons.empty() && static_cast<int64_t>(one.neurons.size()) != n) {
    throw std::invalid_argument("as many names as neurons are needed");
  }
  return n;
}

std::string neuron(const NeuronScores& one, size_t i) {
  return one.neurons.empty() ? std::to_string(i) : one.neurons[i];
}

std::vector<std::string> metric_names(const std::vector<NeuronScores>& all) {
  std::vector<std::string> names;
  if (!all.empty()) {
    for (const auto& metric : all[0].scores) names.push_back(metric.name);
  }
  return names;
}

// A metric of all neurons of all sessions.
at::Tensor pooled(const std::vector<NeuronScores>& all, const std::string& metric) {
  std::vector<at::Tensor> parts;
  for (const auto& one : all) {
    if (const at::Tensor* scores = find(one, metric)) parts.push_back(scores->to(at::kCPU, at::kDouble));
  }
  return parts.empty() ? at::Tensor() : at::cat(parts);
}

Json to_json(const Summary& s) { return {{"median", s.median}, {"mean", s.mean}, {"n", s.n}}; }

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

std::string three_digits(const at::Tensor* scores) {
  const Summary s = scores && scores->defined() ? summarize(*scores) : Summary();
  return s.n == 0 ? "-" : fmt::format("{:.3f}", s.median);
}

}  // namespace

Summary summarize(const at::Tensor& scores) {
  std::vector<double> known = numbers(scores);
  std::erase_if(known, [](double x) { return !std::isfinite(x); });
  const double none = std::numeric_limits<double>::quiet_NaN();
  if (known.empty()) return {none, none, 0};
  std::sort(known.begin(), known.end());
  const size_t n = known.size();
  const double median = n % 2 == 1 ? known[n / 2] : (known[n / 2 - 1] + known[n / 2]) / 2;
  const double mean = std::accumulate(known.begin(), known.end(), 0.0) / static_cast<double>(n);
  return {median, mean, static_cast<int64_t>(n)};
}

std::string to_csv(const std::vector<NeuronScores>& all) {
  const auto metrics = metric_names(all);
  std::string text = "session,stimulus,neuron";
  for (const auto& metric : metrics) text += fmt::format(",{}", quoted(metric));
  text += "\n";
  for (const auto& one : all) {
    std::vector<std::vector<double>> columns;
    for (const auto& metric : metrics) {
      const at::Tensor* scores = find(one, metric);
      columns.push_back(scores ? numbers(*scores) : std::vector<double>(static_cast<size_t>(count(one)), std::nan("")));
    }
    for (size_t i = 0; i < static_cast<size_t>(count(one)); ++i) {
      text += fmt::format("{},{},{}", quoted(one.session), quoted(one.stimulus), quoted(neuron(one, i)));
      for (const auto& column : columns) text += fmt::format(",{}", column[i]);
      text += "\n";
    }
  }
  return text;
}

Json to_json(const std::vector<NeuronScores>& all) {
  const auto metrics = metric_names(all);
  Json json = {{"definitions", Json::object()}, {"sessions", Json::array()}, {"summary", Json::object()}};
  for (const auto& [name, text] : definitions()) {
    if (std::find(metrics.begin(), metrics.end(), name) != metrics.end()) json["definitions"][name] = text;
  }
  if (std::find(metrics.begin(), metrics.end(), "spread") != metrics.end()) {
    json["definitions"]["spread"] =
        "sqrt(mean_t var_m prediction[m,t]): how far apart the members of an ensemble are, in units of the responses";
  }
  for (const auto& one : all) {
    Json session = {{"session", one.session}, {"stimulus", one.stimulus}, {"neurons", Json::array()}};
    for (size_t i = 0; i < static_cast<size_t>(count(one)); ++i) session["neurons"].push_back(neuron(one, i));
    session["scores"] = Json::object();
    session["summary"] = Json::object();
    for (const auto& [name, scores] : one.scores) {
      session["scores"][name] = numbers(scores);
      session["summary"][name] = to_json(summarize(scores));
    }
    json["sessions"].push_back(std::move(session));
  }
  for (const auto& metric : metrics) json["summary"][metric] = to_json(summarize(pooled(all, metric)));
  return json;
}

std::string to_table(const std::vector<NeuronScores>& all, const std::string& split) {
  std::vector<std::vector<std::string>> rows = {
      {"session", "stimulus", "neurons", split + " correlation", "noise ceiling", "fraction"}};
  const auto add = [&](const std::string& session, const std::string& stimulus, int64_t neurons, const auto& metric) {
    rows.push_back({session, stimulus, std::to_string(neurons), three_digits(metric("correlation_to_average")),
                    three_digits(metric("noise_ceiling")), three_digits(metric("normalized_correlation"))});
  };
  int64_t neurons = 0;
  for (const auto& one : all) {
    add(one.session, one.stimulus, count(one), [&](const char* metric) { return find(one, metric); });
    neurons += count(one);
  }
  if (all.size() > 1) {
    at::Tensor kept;
    add("all", "", neurons, [&](const char* metric) { return &(kept = pooled(all, metric)); });
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += i < 2 ? fmt::format("{:<{}}  ", row[i], widths[i]) : fmt::format("{:>{}}  ", row[i], widths[i]);
    }
    text.resize(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text + "medians over neurons; fraction: " + split + " correlation / noise ceiling of each neuron\n";
}

void write_report(const std::string& folder, const std::vector<NeuronScores>& all) {
  files::write_atomically(folder + "/scores.csv", to_csv(all));
  files::write_atomically(folder + "/scores.json", to_json(all).dump(1) + "\n");
}

}  // namespace plexiform::evaluation

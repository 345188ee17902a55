#include <config/defaults.h>
#include <config/info.h>
#include <config/opened_request.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::config {
namespace {

constexpr size_t kMostGroups = 1000;  // a search path may name any folder, even /

std::string titled(const std::string& title) { return "\n" + title + "\n" + std::string(title.size(), '*') + "\n"; }

// The first row is the header.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text, rule;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line = "|";
    for (size_t i = 0; i < widths.size(); ++i) {
      line += " " + rows[r][i] + std::string(widths[i] - rows[r][i].size(), ' ') + " |";
    }
    text += line + "\n";
    if (r == 0) text += rule = std::string(line.size(), '-') + "\n";
  }
  return text + rule;
}

Defaults expanded(OpenedRequest& opened) { return expand_defaults(opened.repository, opened.name, opened.overrides); }

void print(const Branch& branch, size_t indent, std::string& text) {
  text += std::string(indent, ' ') + branch.text + (branch.children.empty() ? "\n" : ":\n");
  for (const auto& child : branch.children) print(child, indent + 2, text);
}

}  // namespace

std::string defaults_table(const Request& request) {
  auto opened = open(request);
  std::vector<std::vector<std::string>> rows = {{"Config path", "Package", "_self_", "Parent"}};
  for (const auto& step : expanded(opened).steps) {
    rows.push_back({step.config->name, step.package, step.self ? "True" : "False", step.parent});
  }
  return titled("Defaults List") + table(rows);
}

std::string defaults_tree(const Request& request) {
  auto opened = open(request);
  std::string text = titled("Defaults Tree");
  print(expanded(opened).tree, 0, text);
  return text;
}

std::string search_path_table(const Request& request) {
  std::vector<std::vector<std::string>> rows = {{"Provider", "Search path"}, {"hydra", "pkg://hydra.conf"}};
  const auto opened = open(request);
  for (const auto& folder : opened.repository.folders()) {
    std::error_code failed;
    const auto path = std::filesystem::absolute(folder, failed).lexically_normal();
    rows.push_back({rows.size() == 2 ? "main" : "command-line", "file://" + path.string()});
  }
  rows.push_back({"schema", "structured://"});
  return titled("Config search path") + table(rows);
}

std::vector<Group> groups(const std::vector<std::string>& search_path) {
  const Repository repository(search_path);
  std::vector<std::string> found = repository.subgroups("");
  for (size_t i = 0; i < found.size() && found.size() < kMostGroups; ++i) {  // near ones first
    for (const auto& name : repository.subgroups(found[i])) found.push_back(found[i] + "/" + name);
  }
  std::sort(found.begin(), found.end());
  std::vector<Group> result;
  for (const auto& group : found) {
    auto options = repository.options(group);
    if (!options.empty()) result.push_back({group, std::move(options)});
  }
  return result;
}

std::vector<std::string> primary_configs(const std::vector<std::string>& search_path) {
  return Repository(search_path).options("");
}

}  // namespace plexiform::config

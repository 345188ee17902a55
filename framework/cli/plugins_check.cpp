#include <cli/command_line.h>
#include <cli/plugins_check.h>
#include <config/compose.h>
#include <config/override.h>
#include <fmt/format.h>
#include <plugins/catalogue.h>
#include <plugins/check.h>
#include <plugins/host_library.h>

#include <CLI/CLI.hpp>
#include <cstdio>

namespace plexiform::cli {

namespace {

using namespace plugins;

Shape parse_shape(const std::string& text) {
  Shape shape;
  char more = 0;
  long long c = 0, t = 0, h = 0, w = 0;
  if (std::sscanf(text.c_str(), "%lld,%lld,%lld,%lld%c", &c, &t, &h, &w, &more) == 4) shape = {c, t, h, w};
  if (shape.empty()) {
    throw Usage(
        fmt::format("--stimulus {}: is no shape\n  fix: write channels,bins,rows,columns, such as 2,40,24,20", text));
  }
  return shape;
}

Json parse_knobs(const CheckOptions& options) {
  const config::Node given = config::parse_yaml(options.knobs, "--knobs");
  if (!given.is_map()) throw Usage("--knobs: is no mapping\n  fix: write it as a config would, '{kernel: 5}'");
  Json knobs = config::to_json(given);
  for (const auto& word : options.set) {
    const auto change = config::parse_override(word, 0);
    if (!change.value) throw Usage(fmt::format("--set {}: gives no single value\n  fix: write key=value", word));
    knobs[change.key] = config::to_json(*change.value);
  }
  return knobs;
}

// The file that `what` means, and which of its components to check: one, or all of a plugin.
struct Choice {
  Catalogue catalogue;  // owns the file
  const PluginFile* file = nullptr;
  std::vector<ListedComponent> components;
};

Choice choose(const std::string& what, const CheckOptions& options, const std::function<Sources()>& sources) {
  Choice choice;
  if (what.find('/') == std::string::npos && !what.ends_with(".so")) {
    choice.catalogue = Catalogue::discover(sources(), Cache(""));  // what was seen before does not matter here
    choice.file = choice.catalogue.find_plugin(what);
    if (!choice.file) {
      const Found found = choice.catalogue.find(what, "");
      choice.file = found.file;
      choice.components = {found.component};
      return choice;
    }
  } else {
    choice.catalogue = Catalogue::discover({{what}, {}}, Cache(""));
    choice.file = &choice.catalogue.files()[0];
  }
  if (!choice.file->problems.empty()) refuse(*choice.file);
  std::vector<std::string> known;
  for (const auto& component : choice.file->note->components) {
    known.push_back(component.name);
    if (options.component.empty() || options.component == component.name) choice.components.push_back(component);
  }
  if (choice.components.empty()) {
    throw Error(choice.file->path, "has no component '" + options.component + "'",
                did_you_mean(options.component, known));
  }
  return choice;
}

// What --json says of a file that is not checked at all.
int print_refusal(const Error& e) {
  const Json all = {
      {"file", e.where()}, {"good", false}, {"problems", Json::array({{{"problem", e.problem()}, {"fix", e.fix()}}})}};
  fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
  return 1;
}

std::string one_line(std::string text) {
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

// The report for people: a line per check as it comes, the failures in full at the end.
class Printed {
 public:
  explicit Printed(const Choice& choice, uint64_t seed) : seed_(seed) {
    const auto& note = *choice.file->note;
    fmt::print("{} {}: {}\n", note.plugin_id, note.plugin_version, choice.file->path);
    for (const auto& component : choice.components) kinds_[component.name] = component.kind;
  }
  void add(const Checked& line) {
    if (!line.setting.is_null()) {
      print_setting(line);
    } else {
      print_check(line);
    }
    std::fflush(stdout);
  }
  void print_end() const {
    fmt::print("\n{} of {} checks passed", passed_, total_);
    if (not_run_) fmt::print(", {} not run", not_run_);
    if (!failures_.empty()) fmt::print(", {} FAILED", failures_.size());
    fmt::print("\n");
    for (const auto& line : failures_) {
      fmt::print("\n{}{}\n", line.component.empty() ? "" : line.component + ": ", line.check);
      fmt::print("  expected  {}\n  seen      {}\n  look at   {}\n", line.expected, line.seen, line.look_at);
    }
  }
  bool good() const { return failures_.empty(); }

 private:
  void print_setting(const Checked& line) {
    const auto& kind = kinds_[line.component];
    fmt::print("\n{} ({}): ", line.component, kind);
    if (const Json& s = line.setting["input"]; !s.is_null()) {
      const Shape shape = {s[0], s[1], s[2], s[3]};
      fmt::print("{} {}, ", kind == "core" ? "stimulus" : "features", shape.text());
    }
    const Json& knobs = line.setting["knobs"];
    fmt::print("{}, seed {}\n", knobs.empty() ? "default knobs" : "knobs " + knobs.dump(), seed_);
  }
  void print_check(const Checked& line) {
    ++total_;
    if (line.status == "passed") {
      ++passed_;
      fmt::print("  ok       {}\n", line.check);
    } else if (line.status == "failed") {
      failures_.push_back(line);
      fmt::print("  FAILED   {:24}  {}\n", line.check, one_line(line.seen));
    } else {
      ++not_run_;
      fmt::print("  not run  {:24}  {}\n", line.check, line.seen);
    }
  }

  uint64_t seed_;
  std::map<std::string, std::string> kinds_;
  std::vector<Checked> failures_;
  int total_ = 0, passed_ = 0, not_run_ = 0;
};

// The report for programs, one document.
class Document {
 public:
  Document(const Choice& choice, uint64_t seed) {
    const auto& note = *choice.file->note;
    all_ = {{"file", choice.file->path},
            {"plugin", note.plugin_id},
            {"version", note.plugin_version},
            {"seed", seed},
            {"good", true},
            {"checks", Json::array()},
            {"components", Json::array()}};
    for (const auto& c : choice.components) {
      all_["components"].push_back(
          {{"kind", c.kind}, {"name", c.name}, {"alias_of", c.alias_of}, {"checks", Json::array()}});
    }
  }
  void add(const Checked& line) {
    if (line.status == "failed") all_["good"] = false;
    Json& place = of(line.component);
    if (!line.setting.is_null()) {
      place.update(line.setting);
      return;
    }
    Json entry = {{"check", line.check}, {"status", line.status}, {"expected", line.expected}};
    if (line.status != "passed") entry["seen"] = line.seen;
    entry["look_at"] = line.look_at;
    entry["seconds"] = line.seconds;
    place["checks"].push_back(std::move(entry));
  }
  bool good() const { return all_["good"]; }
  void print() const { fmt::print("{}\n", all_.dump(2, ' ', false, Json::error_handler_t::replace)); }

 private:
  Json& of(const std::string& component) {
    for (auto& entry : all_["components"]) {
      if (entry["name"] == component) return entry;
    }
    return all_;
  }
  Json all_;
};

}  // namespace

void add_check_options(CLI::App& command, CheckOptions& options) {
  command.add_option("--component", options.component, "of FILE's components, this one (default: all)")
      ->type_name("NAME");
  command.add_option("--set", options.set, "a knob, as on the command line of train: kernel=5")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--knobs", options.knobs, "knobs, as a config has them: '{kernel: 5}'")->type_name("YAML");
  command
      .add_option(
          "--stimulus", options.input,
          "channels, bins, rows and columns of the stimulus; of the features for a readout (default: what fits)")
      ->type_name("C,T,H,W");
  command.add_option("--compat", options.compat, "as the config's compat")->type_name("NAME");
  command.add_option("--seed", options.seed, "of the weights and inputs that are drawn")->capture_default_str();
  command.add_option("--time-limit", options.limit, "seconds for each check; what takes longer did not finish")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}

int check_plugin_command(const std::string& what, const CheckOptions& options,
                         const std::function<Sources()>& sources) {
  CheckRequest request;
  request.knobs = parse_knobs(options);
  if (!options.input.empty()) request.input = parse_shape(options.input);
  Choice choice;
  try {
    choice = choose(what, options, sources);
  } catch (const Error& e) {
    if (options.json) return print_refusal(e);
    throw;
  }
  request.file = choice.file->path;
  request.components = choice.components;
  request.compat = options.compat;
  request.seed = options.seed;
  request.limit = std::chrono::milliseconds(static_cast<int64_t>(options.limit * 1000));
  const auto run_checks = reinterpret_cast<CheckPlugin>(open_host_function("plexiform_check_plugin"));
  if (options.json) {
    Document document(choice, options.seed);
    run_checks(request, [&](const Checked& line) { document.add(line); });
    document.print();
    return document.good() ? 0 : 1;
  }
  Printed printed(choice, options.seed);
  run_checks(request, [&](const Checked& line) { printed.add(line); });
  printed.print_end();
  return printed.good() ? 0 : 1;
}

}  // namespace plexiform::cli

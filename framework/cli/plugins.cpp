#include <cli/command_line.h>
#include <cli/parse.h>
#include <cli/plugins.h>
#include <cli/plugins_check.h>
#include <cli/plugins_doctor.h>
#include <cli/plugins_new.h>
#include <fmt/core.h>
#include <plugins/catalogue.h>
#include <plugins/path_variable.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace plexiform::cli {

namespace {

using namespace plugins;

// Rows of text with columns as wide as needed.
class Table {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(int indent) const {
    std::vector<size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows_) {
      std::string line(static_cast<size_t>(indent), ' ');
      for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:{}}  ", row[i], widths[i]);
      line.erase(line.find_last_not_of(' ') + 1);
      fmt::print("{}\n", line);
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::vector<std::string> aliases(const PluginFile& file, const ListedComponent& component) {
  std::vector<std::string> names;
  for (const auto& other : file.note->components) {
    if (other.kind == component.kind && other.alias_of == component.name) names.push_back(other.name);
  }
  return names;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

Json to_json(const std::vector<Problem>& problems) {
  Json all = Json::array();
  for (const auto& p : problems) all.push_back({{"problem", p.problem}, {"fix", p.fix}});
  return all;
}

Json to_json(const PluginFile& file) {
  Json json = {{"file", file.path}, {"status", text(file.status())}};
  if (file.note) {
    const auto& note = *file.note;
    json["plugin"] = note.plugin_id;
    json["version"] = note.plugin_version;
    json["note"] = {{"abi", fmt::format("{}.{}", note.fields.abi_major, note.fields.abi_minor)},
                    {"libtorch", note.torch_version},
                    {"platform", note.platform},
                    {"cxx_abi", note.cxx_abi},
                    {"compiler", note.compiler},
                    {"sdk", note.sdk_version}};
  }
  if (!file.problems.empty()) json["problems"] = to_json(file.problems);
  if (!file.shadowed_by.empty()) json["shadowed_by"] = file.shadowed_by;
  if (file.warning) json["warning"] = file.warning->problem;
  return json;
}

void print_problems(const PluginFile& file) {
  for (const auto& p : file.problems) fmt::print("    {}\n      fix: {}\n", p.problem, p.fix);
}

// Cores, readouts, losses; each in search order.
std::vector<Found> components(const Catalogue& catalogue) {
  std::vector<Found> all;
  for (const char* kind : {"core", "readout", "loss"}) {
    for (const auto& file : catalogue.files()) {
      if (!file.note) continue;
      for (const auto& component : file.note->components) {
        if (component.kind == kind && component.alias_of.empty()) all.push_back({&file, component});
      }
    }
  }
  return all;
}

int list(const Catalogue& catalogue, const Sources& sources, bool json) {
  if (json) {
    Json all = {{"components", Json::array()},
                {"files", Json::array()},
                {"folders", sources.folders},
                {"warnings", Json::array()}};
    for (const auto& e : path_variable().useless) {
      all["warnings"].push_back({{"problem", e.where() + ": " + e.problem()}, {"fix", e.fix()}});
    }
    for (const auto& [file, component] : components(catalogue)) {
      all["components"].push_back({{"kind", component.kind},
                                   {"name", component.name},
                                   {"aliases", aliases(*file, component)},
                                   {"plugin", file->id()},
                                   {"version", file->note->plugin_version},
                                   {"status", text(file->status())},
                                   {"file", file->path},
                                   {"summary", component.summary}});
    }
    for (const auto& file : catalogue.files()) all["files"].push_back(to_json(file));
    fmt::print("{}\n", dump(all));
    return 0;
  }
  Table table;
  table.add({"KIND", "NAME", "PLUGIN", "STATUS", "FILE"});
  for (const auto& [file, component] : components(catalogue)) {
    table.add({component.kind, component.name, file->id() + " " + file->note->plugin_version, text(file->status()),
               file->path});
    for (const auto& alias : aliases(*file, component)) table.add({"", "  or " + alias});
  }
  table.print(0);
  for (const auto& e : path_variable().useless) {
    fmt::print("\nwarning: {}: {}\n    fix: {}\n", e.where(), e.problem(), e.fix());
  }
  bool any_new = false;
  for (const auto& file : catalogue.files()) {
    any_new |= file.status() == Status::fresh;
    if (file.warning) {
      fmt::print("\nwarning: {}: {}\n    fix: {}\n", file.path, file.warning->problem, file.warning->fix);
    }
    if (!file.shadowed_by.empty())
      fmt::print("\nshadowed: {}\n    {} is the plugin {} too, and comes first\n", file.path, file.shadowed_by,
                 file.id());
    if (file.problems.empty()) continue;
    fmt::print("\n{}: {}\n", text(file.status()), file.path);
    print_problems(file);
  }
  if (catalogue.files().empty()) {
    fmt::print("\nNo plugin was found in\n");
    for (const auto& folder : sources.folders) fmt::print("  {}\n", folder);
  }
  if (any_new)
    fmt::print(
        "\nnew: fits this host; opened in a child process before it is first used, or now with "
        "--probe\n");
  return 0;
}

// Of a component as it was described when its file was opened; null when it was not.
Json knobs_of(const PluginFile& file, const ListedComponent& component) {
  for (const auto& described : file.components) {
    if (described.at("kind") == component.kind && described.at("name") == component.name) return described.at("knobs");
  }
  return nullptr;
}

std::string range(const Json& knob) {
  if (knob.contains("choices")) {
    std::string all;
    for (const auto& choice : knob["choices"]) all += (all.empty() ? "" : ", ") + choice.get<std::string>();
    return all;
  }
  const auto bound = [&](const char* name) {
    return knob.contains(name) ? std::optional(knob[name].get<double>()) : std::nullopt;
  };
  return knobs::range({.min = bound("min"), .max = bound("max"), .step = bound("step")});
}

void print_knobs(const Json& knobs) {
  if (!knobs.is_array()) return;
  if (knobs.empty()) {
    fmt::print("\n  no knobs\n");
    return;
  }
  Table table;
  table.add({"KNOB", "TYPE", "DEFAULT", "RANGE", "UNIT", "MEANING"});
  for (const auto& knob : knobs) {
    table.add({knob.value("name", ""), knob.value("type", ""),
               knob.contains("default") ? knob["default"].dump() : "required", range(knob), knob.value("unit", ""),
               knob.value("doc", "")});
  }
  fmt::print("\n");
  table.print(2);
}

void print_component(const Found& found) {
  fmt::print("{}: {}\n", found.component.name, found.component.summary);
  fmt::print("  kind     {}\n", found.component.kind);
  if (!found.component.alias_of.empty()) fmt::print("  alias of {}\n", found.component.alias_of);
  for (const auto& alias : aliases(*found.file, found.component)) fmt::print("  alias    {}\n", alias);
}

void print_file(const PluginFile& file) {
  fmt::print("  file     {}\n", file.path);
  if (file.note) {
    const auto& note = *file.note;
    fmt::print("  plugin   {} {}\n", note.plugin_id, note.plugin_version);
    fmt::print("  built    with SDK {} (plugin ABI {}.{}), LibTorch {}, {}, {}, {}\n", note.sdk_version,
               note.fields.abi_major, note.fields.abi_minor, note.torch_version, note.compiler, note.cxx_abi,
               note.platform);
    fmt::print("  sha256   {}\n", File(file.path).sha256());
  }
  fmt::print("  status   {}\n", text(file.status()));
  print_problems(file);
}

Json to_json(const Found& found) {
  Json json = {{"kind", found.component.kind}, {"name", found.component.name}, {"summary", found.component.summary}};
  if (!found.component.alias_of.empty()) json["alias_of"] = found.component.alias_of;
  json["aliases"] = aliases(*found.file, found.component);
  json["knobs"] = knobs_of(*found.file, found.component);
  return json;
}

int inspect_name(Catalogue& catalogue, const std::string& name, bool json) {
  const Found found = catalogue.find(name, "");
  const std::string hash = catalogue.prepare(*found.file);
  if (json) {
    Json all = to_json(found);
    all.update(to_json(*found.file));
    all["sha256"] = hash;
    fmt::print("{}\n", dump(all));
    return 0;
  }
  print_component(found);
  print_file(*found.file);
  print_knobs(knobs_of(*found.file, found.component));
  return 0;
}

// All that a file of the catalogue offers.
int inspect_file(Catalogue& catalogue, const PluginFile& file, bool json) {
  catalogue.open_new_files();
  const bool good = file.problems.empty();
  if (json) {
    Json all = to_json(file);
    if (file.note) {
      all["sha256"] = File(file.path).sha256();
      all["components"] = Json::array();
      for (const auto& component : file.note->components) all["components"].push_back(to_json(Found{&file, component}));
    }
    fmt::print("{}\n", dump(all));
    return good ? 0 : 1;
  }
  print_file(file);
  if (!file.note) return 1;
  for (const auto& component : file.note->components) {
    fmt::print("\n");
    print_component({&file, component});
    print_knobs(knobs_of(file, component));
  }
  return good ? 0 : 1;
}

}  // namespace

int plugins_command(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == "new") return plugins_new_command({arguments.begin() + 1, arguments.end()});
  std::vector<std::string> files, folders;
  std::string what;
  bool json = false, probe = false;
  CLI::App app("Lists and describes plugins: cores, readouts and losses.", "plexiform plugins");
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* about) {
    auto* command = app.add_subcommand(name, about);
    command->add_option("--plugin", files, "a plugin's file; comes first in the search order")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_option("--plugin-path", folders, "a folder of plugins; comes next")
        ->type_name("DIR")
        ->allow_extra_args(false);
    command->add_flag("--json", json, "for programs");
    return command;
  };
  auto* list_command = add("list", "all components that a config may name");
  list_command->add_flag("--probe", probe, "first open the files that are new, in a child process");
  auto* inspect_command = add("inspect", "one component with its knobs, or all of a plugin");
  inspect_command->add_option("what", what, "a component's name, a plugin's name, or a plugin's file")
      ->required()
      ->type_name("NAME|FILE");
  CheckOptions check_options;
  auto* check_command = add("check", "whether a component keeps the contract; each check runs in a child process");
  check_command->add_option("what", what, "a component's name, a plugin's name, or a plugin's file")
      ->required()
      ->type_name("NAME|FILE");
  add_check_options(*check_command, check_options);
  auto* doctor_command = add("doctor", "this machine, LibTorch, and what becomes of each plugin's file");
  app.add_subcommand("new", "write a small project: core|readout|loss NAME");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app.get_subcommands();
    fmt::print("{}", (parsed.empty() ? &app : parsed[0])->help());
    return 0;
  } catch (const CLI::ParseError& e) {
    throw Usage(fmt::format("{}\n  fix: see plexiform plugins --help", problem(app, e)));
  }
  const bool is_file = what.find('/') != std::string::npos || what.ends_with(".so");
  if (inspect_command->parsed() && is_file) {
    auto catalogue = Catalogue::discover({{what}, {}});
    return inspect_file(catalogue, catalogue.files()[0], json);
  }
  if (check_command->parsed()) {
    check_options.json = json;
    return check_plugin_command(what, check_options, [&] { return plugins::search_order(files, folders); });
  }
  const Sources sources = plugins::search_order(files, folders);
  if (doctor_command->parsed()) return plugins_doctor(sources, json);
  auto catalogue = Catalogue::discover(sources);
  if (inspect_command->parsed()) {
    const PluginFile* plugin = catalogue.find_plugin(what);
    return plugin ? inspect_file(catalogue, *plugin, json) : inspect_name(catalogue, what, json);
  }
  if (probe) catalogue.open_new_files();
  return list(catalogue, sources, json);
}

}  // namespace plexiform::cli

// plexiform import CKPT -o FOLDER: a model, or a whole ensemble, that openretina trained. plexiform export BUNDLE -o FILE:
// the other way.
#include <cli/host/commands.h>
#include <cli/host/where_it_ran.h>
#include <cli/parse.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <model/ensemble.h>
#include <openretina/export.h>
#include <openretina/legacy_import.h>
#include <plugins/sources.h>

#include <algorithm>
#include <filesystem>

namespace plexiform::cli {
namespace {

struct Where {
  std::string input, output;
  std::vector<std::string> overrides;
  host::Plugins plugins;
};

void add_output(CLI::App& app, Where& where) {
  app.add_option("-o,--output", where.output, "what to write; it must not be there yet")->required();
}

plugins::Catalogue catalogue(const Where& where) {
  return plugins::Catalogue::discover(plugins::search_order(where.plugins.files, where.plugins.folders));
}

void print(const openretina::Imported& imported) {
  size_t width = 0;
  for (const auto& tensor : imported.tensors) width = std::max(width, tensor.name.size());
  size_t count[3] = {};
  for (const auto& [name, what, detail] : imported.tensors) {
    constexpr const char* words[] = {"taken", "renamed", "left"};
    const std::string text = what == openretina::Fate::renamed ? "to " + detail : detail;
    fmt::print("{:<{}}  {}{}{}\n", name, width, words[what], text.empty() ? "" : ": ", text);
    ++count[what];
  }
  fmt::print("{}: {} tensors taken, {} renamed, {} left\n", imported.model_class, count[0], count[1], count[2]);
}

void write(const std::string& output, const std::vector<openretina::Imported>& members) {
  const auto write_one = [](const std::string& folder, const openretina::Imported& one) {
    model::write_bundle(folder, one.model, one.config, one.config, one.data, config::Json::object());
  };
  if (members.size() == 1) {
    files::NewFolder folder(output);
    write_one(folder.path(), members.front());
    return folder.move_into_place();
  }
  files::NewFolder beside(output + ".members");  // the ensemble copies them, then they go
  std::vector<std::string> bundles;
  for (const auto& one : members) {
    const std::string name = std::to_string(bundles.size());
    beside.make(name);
    bundles.push_back(beside.path() + "/" + name);
    write_one(bundles.back(), one);
  }
  model::write_ensemble(output, bundles);
}

}  // namespace

int import_checkpoint(const Arguments& arguments) {
  CLI::App app(
      "Makes a model folder of a checkpoint that openretina's training wrote (Lightning's .ckpt), or an ensemble of "
      "the folder of one that was published in 2024 (config_, data_info_ and state_dict_ of each member). The files "
      "are read as data: nothing in them is run. Prints what became of each of their tensors.",
      "plexiform import");
  Where where;
  app.add_option("CKPT", where.input, "the checkpoint, or the folder")->required();
  app.add_option("KEY=VALUE", where.overrides,
                 "arguments of the model that the checkpoint lacks: in_shape=[1,30,60,80]");
  add_output(app, where);
  add_plugin_options(app, where.plugins, "");  // a checkpoint knows of none
  if (!parse(app, arguments)) return 0;

  auto plugins = catalogue(where);
  std::vector<openretina::Imported> members;
  if (std::filesystem::is_directory(where.input)) {
    members = openretina::import_legacy(where.input, where.overrides, plugins);
  } else {
    members.push_back(openretina::import_checkpoint(where.input, where.overrides, plugins));
  }
  write(where.output, members);
  for (const auto& one : members) {
    print(one);
    for (const auto& warning : one.model.warnings) fmt::print(stderr, "note: {}\n", warning);
    for (const auto& note : one.notes) fmt::print(stderr, "note: {}\n", note);
  }
  fmt::print("model: {}{}\n", where.output,
             members.size() > 1 ? fmt::format(" of {} members", members.size()) : std::string());
  return 0;
}

int export_state(const Arguments& arguments) {
  CLI::App app(
      "Writes a trained model's tensors as the state dict of openretina's model of the same parts, with its keys: "
      "torch.load(FILE, weights_only=True) reads it, load_state_dict takes it.",
      "plexiform export");
  Where where;
  app.add_option("RUN", where.input, "a run folder or its model/")->required();
  add_output(app, where);
  add_plugin_options(app, where.plugins);
  if (!parse(app, arguments)) return 0;

  const std::string folder = model::bundle_folder(where.input);
  if (!std::filesystem::exists(folder + "/model.json")) {
    throw Error(where.input, "holds no trained model", "name a run folder, or its model/ with model.json");
  }
  if (std::filesystem::exists(where.output)) throw Error(where.output, "is there already", "choose another name");
  add_plugins_of_run(where.input, where.plugins);
  auto plugins = catalogue(where);
  const auto bundle = model::read_bundle(folder, plugins);
  const auto exported = openretina::export_state(bundle, folder, plugins);
  openretina::write_state_dict(where.output, exported.state);
  for (const auto& warning : bundle.warnings) fmt::print(stderr, "note: {}\n", warning);
  for (const auto& note : exported.notes) fmt::print(stderr, "note: {}\n", note);
  fmt::print("core {}\nreadout {}\n{} tensors: {}\n", exported.core, exported.readout, exported.state.size(),
             where.output);
  return 0;
}

}  // namespace plexiform::cli

#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <cli/host/memory.h>
#include <cli/host/where_it_ran.h>
#include <config/compose.h>
#include <config/resolve.h>
#include <evaluation/predict.h>
#include <fmt/format.h>
#include <model/ensemble.h>

#include <filesystem>

namespace plexiform::cli {
namespace {

// "each by itself: 0.912, 0.915": the correlation of each model, median over neurons.
std::string alone(const std::vector<const model::Model*>& models, const data::Recordings& recordings,
                  const std::vector<data::Part>& parts, const data::LoaderParams& loader) {
  std::string text = "each by itself:";
  for (const auto* model : models) {
    const auto json = evaluation::to_json(evaluation::score_parts(*model, recordings, parts, loader));
    const auto median = json.at("summary").at("correlation_to_average").at("median");
    text += median.is_number() ? fmt::format("{} {:.3f}", text.back() == ':' ? "" : ",", median.get<double>()) : " -";
  }
  return text;
}

}  // namespace

// plexiform evaluate RUN: the trained model of a run on the data that its config names, or on others by override.
int evaluate(const Arguments& arguments) {
  namespace fs = std::filesystem;
  return_freed_memory();
  refuse_what_does_not_fit();
  plugins::report_crashes();
  auto line = parse_command_line("evaluate", arguments);
  for (const auto& word : line.request.overrides) {
    if (word.compare(word.find_first_not_of("+~"), 5, "model") == 0) {
      throw Usage(fmt::format("'{}' would change a trained model\n  fix: train another one", word));
    }
  }
  go_where_it_ran(line.target, line);
  const std::string folder = model::bundle_folder(line.target);
  const auto members = model::members(folder);
  if (members.empty()) {
    throw Error(line.target, "holds no trained model",
                "name the run folder that training printed, or its model/ with model.json");
  }

  auto request = line.request;
  request.search_path.insert(request.search_path.begin(), members.front());
  request.name = "config";
  auto composition = config::compose(request);
  config::set_output_folder(composition, line.target);
  auto catalogue = plugins::Catalogue::discover(search_order(line, composition));
  if (!line.locked.empty()) catalogue.lock(plugins::Lock::named(line.locked));
  const auto bundles = model::read_members(folder, catalogue);
  for (const auto& bundle : bundles) {
    for (const auto& warning : bundle.warnings) fmt::print(stderr, "note: {}\n", warning);
  }

  const auto config = config::resolve(composition.job, {composition.hydra});
  if (!config.find("data_io")) {
    throw Error(line.target, "does not say which data it is for: it was not trained here",
                "add them, as a config does: +data_io=hdf5_folder '+data_io.test_names=[NAME]' +dataloader=clips "
                "+paths.data_dir=FOLDER (`plexiform data inspect` says what a file or folder is read by)");
  }
  const auto loader = data::read_loader(config);
  const auto recordings = data::read_recordings(config);
  model::check_data(bundles.front(), recordings, folder);
  const auto split = data::split(recordings, loader, bundles.front().model.lag());
  const bool test = line.split == "test";
  const auto& parts = test ? split.tests : split.validation;
  std::vector<const model::Model*> models;
  for (const auto& bundle : bundles) models.push_back(&bundle.model);
  const auto scores = evaluation::score_parts(models, recordings, parts, loader);
  const std::string place = test ? line.target : line.target + "/validation";
  fs::create_directories(place);
  evaluation::write_report(place, scores);
  if (models.size() > 1)
    fmt::print("the mean of {} models; {}\n\n", models.size(), alone(models, recordings, parts, loader));
  fmt::print("{}\nneuron by neuron: {}/scores.csv and scores.json\n", evaluation::to_table(scores, line.split), place);
  return 0;
}

}  // namespace plexiform::cli

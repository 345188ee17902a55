#include <cli/command_line.h>
#include <cli/host/commands.h>
#include <cli/host/memory.h>
#include <config/compose.h>
#include <config/resolve.h>
#include <evaluation/predict.h>
#include <fmt/format.h>
#include <model/bundle.h>

#include <filesystem>

namespace plexiform::cli {

// plexiform evaluate RUN: the trained model of a run on the data that its config names, or on others by override.
int evaluate(const Arguments& arguments) {
  namespace fs = std::filesystem;
  refuse_what_does_not_fit();
  plugins::report_crashes();
  const auto line = parse_command_line("evaluate", arguments);
  for (const auto& word : line.request.overrides) {
    if (word.compare(word.find_first_not_of("+~"), 5, "model") == 0) {
      throw Usage(fmt::format("'{}' would change a trained model\n  fix: train another one", word));
    }
  }
  const std::string folder = model::bundle_folder(line.target);
  if (!fs::exists(folder + "/model.json")) {
    throw Error(line.target, "holds no trained model",
                "name the run folder that training printed, or its model/ with model.json");
  }

  auto request = line.request;
  request.search_path = {folder};
  request.name = "config";
  auto composition = config::compose(request);
  config::set_output_folder(composition, line.target);
  auto catalogue = plugins::Catalogue::discover(search_order(line, composition));
  if (!line.locked.empty()) catalogue.lock(plugins::Lock::named(line.locked));
  const auto bundle = model::read_bundle(folder, catalogue);
  for (const auto& warning : bundle.warnings) fmt::print(stderr, "note: {}\n", warning);

  const auto config = config::resolve(composition.job, {composition.hydra});
  const auto loader = data::read_loader(config);
  const auto recordings = data::read_recordings(config);
  model::check_data(bundle, recordings, folder);
  const auto split = data::split(recordings, loader, bundle.model.lag());
  const bool test = line.split == "test";
  const auto scores = evaluation::score_parts(bundle.model, recordings, test ? split.tests : split.validation, loader);
  const std::string place = test ? line.target : line.target + "/validation";
  fs::create_directories(place);
  evaluation::write_report(place, scores);
  fmt::print("{}\nneuron by neuron: {}/scores.csv and scores.json\n", evaluation::to_table(scores), place);
  return 0;
}

}  // namespace plexiform::cli

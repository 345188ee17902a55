// plexiform predict RUN MOVIE...: what a trained model makes of movies, as data that other models train on.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <cli/host/commands.h>
#include <cli/host/where_it_ran.h>
#include <cli/parse.h>
#include <data/array_files.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <model/bundle.h>
#include <model/denormals.h>
#include <plexiform/host/trained_model.h>

#include <filesystem>
#include <set>

namespace plexiform::cli {
namespace {

constexpr const char* about =
    "Predicts movies for all sessions of a trained model, and writes their activity as data in the generic layout: "
    "stimuli/MOVIE.npy (neurons, bins, 1, 1), the neurons of one session after those of another in the order of their "
    "names, and activity.h5 with the same as responses_MOVIE. What is trained on it is a model of activity, such as a "
    "sparse autoencoder (README). The features of a whole movie are in memory: cut one whose do not fit.";

// (neurons, bins), or of what the readout makes on its way.
at::Tensor activity(const host::TrainedModel& model, const at::Tensor& movie, const std::string& session,
                    const std::string& tap) {
  const auto of_one = [](const at::Tensor& x) { return x.squeeze(0).t().contiguous(); };
  if (tap.empty()) return of_one(model.predict(movie, session));
  const auto all = model.taps(movie, session);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : all) names.push_back(name);
  const at::Tensor found = find(all, tap);
  if (found.defined() && found.dim() == 3) return of_one(found);
  throw Error("--tap " + tap, "is nothing that the readout of session " + session + " hands out by bin",
              names.empty() ? "leave it out: this readout hands out nothing" : did_you_mean(tap, names));
}

}  // namespace

int predict(const Arguments& arguments) {
  CLI::App app(about, "plexiform predict");
  std::string folder, output, tap;
  std::vector<std::string> movies;
  app.add_option("RUN", folder, "a run folder or its model/, or an ensemble")->required();
  app.add_option("MOVIE", movies, "movies (C, T, H, W) as .npy, in the units of the recorded ones")->required();
  app.add_option("-o,--output", output, "the folder to make")->required();
  app.add_option("--tap", tap, "instead of rates what the readout makes on its way, by name: code");
  host::Plugins plugins;
  add_plugin_options(app, plugins);
  if (!parse(app, arguments)) return 0;

  model::flush_denormals();
  add_plugins_of_run(folder, plugins);
  if (std::filesystem::exists(output)) throw Error(output, "is there already", "choose another name");
  const host::TrainedModel model(model::bundle_folder(folder), plugins);
  for (const auto& warning : model.warnings()) fmt::print(stderr, "note: {}\n", warning);
  files::NewFolder place(output);
  place.make("stimuli");
  data::Hdf5File session(place.path() + "/activity.h5", data::Hdf5File::Mode::create);
  std::set<std::string> names;
  for (const auto& file : movies) {
    const std::string name = std::filesystem::path(file).stem();
    if (!names.insert(name).second) throw Error(file, "is the second movie of that name", "rename it");
    const at::Tensor movie = data::read_npy(file);
    if (movie.dim() != 4)
      throw Error(file, "has not the axes (channels, time, rows, columns)", "give a movie (C, T, H, W)");
    if (!movie.isfinite().all().item<bool>()) throw Error(file, "holds NaN or infinity", "mend the movie");
    std::vector<at::Tensor> all;
    try {
      for (const auto& one : model.sessions()) all.push_back(activity(model, movie.unsqueeze(0), one, tap));
    } catch (const Error& e) {
      if (e.where() != "stimulus") throw;
      throw Error(file, e.problem(), e.fix());
    }
    const at::Tensor rates = at::cat(all);
    data::write_npy(place.path() + "/stimuli/" + name + ".npy", rates.unsqueeze(2).unsqueeze(3));
    session.write("responses_" + name, rates);
    fmt::print("{}: {} channels, {} bins\n", name, rates.size(0), rates.size(1));
  }
  session.close();
  place.move_into_place();
  fmt::print("data: {}\n", output);
  return 0;
}

}  // namespace plexiform::cli

// Source  the layout: the files published with Goldin et al. 2022, Nature Communications 13:5556.
#include <data/goldin_2022.h>
#include <data/session_files.h>
#include <data/train_test_file.h>

namespace plexiform::data {

Recordings read_goldin_2022(const Goldin2022Params& params) {
  const std::string folder = existing_folder(params.path, "path", "give the folder with an HDF5 file per session"),
                    ending = ".h5";
  SharedMovies movies;
  Recordings recordings;
  for (const auto& name : files_in(folder, ending)) {
    if (name.find(params.specie) == std::string::npos) continue;
    recordings.sessions.push_back(read_train_test_file({.file = folder + "/" + name,
                                                        .session = name.substr(0, name.size() - ending.size()),
                                                        .stimulus = params.stim_type,
                                                        .response_type = params.response_type,
                                                        .divisor = params.fr_normalization,
                                                        .normalised = params.normalize_stimuli,
                                                        .repeats_are_responses = true},
                                                       movies));
  }
  demand_sessions(recordings, folder, "an HDF5 file per session, with '" + params.specie + "' in its name");
  set_size(recordings, folder);
  return recordings;
}

}  // namespace plexiform::data

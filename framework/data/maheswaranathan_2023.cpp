// Source  the layout: the files published with Maheswaranathan et al. 2023, Neuron 111:2742, doi:10.25740/rk663dm5577.
#include <data/checks.h>
#include <data/maheswaranathan_2023.h>
#include <data/session_files.h>
#include <data/train_test_file.h>

namespace plexiform::data {

Recordings read_maheswaranathan_2023(const Maheswaranathan2023Params& params) {
  const std::string folder = existing_folder(params.path + "/ganglion_cell_data", "path",
                                             "give the folder neural_code_data, as it was extracted");
  SharedMovies movies;
  Recordings recordings;
  for (const auto& session : folders_in(folder)) {
    const auto file = only_file(folder + "/" + session, params.stim_type + ".h5");
    if (!file) continue;
    recordings.sessions.push_back(read_train_test_file({.file = *file,
                                                        .session = session,
                                                        .stimulus = params.stim_type,
                                                        .response_type = params.response_type,
                                                        .divisor = params.fr_normalization,
                                                        .normalised = params.normalize_stimuli},
                                                       movies));
    recordings.sessions.back().frame_rate_hz = 100;
  }
  demand_sessions(recordings, folder, "a folder per session with a file *" + params.stim_type + ".h5");
  set_size(recordings, folder);
  return recordings;
}

}  // namespace plexiform::data

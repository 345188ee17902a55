#include <plexiform/error.h>
#include <simulation/layouts/layouts.h>

namespace plexiform::simulation {

const std::vector<Layout>& layouts() {
  static const std::vector<std::pair<std::string, std::string>> hoefling = {{"paths.movies_path", "/movies.pkl"},
                                                                            {"paths.responses_path", "/responses.h5"}};
  static const std::vector<Layout> all = {
      {.name = "hdf5_folder",
       .what = "the generic layout: films of coloured noise, and an HDF5 file per session",
       .small = {.neurons = 10, .frames = 2400, .height = 16, .width = 8},
       .full = {.neurons = 20, .frames = 5250, .height = 16, .width = 8},
       .experiments = {"hdf5_core_readout"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {},
       .write = write_hdf5_folder},
      {.name = "hoefling_2024_low_res",
       .what = "calcium traces of mouse ganglion cells, natural movies of 18 x 16 px, chirp and moving bars",
       .small = {.neurons = 16, .trials = 108, .frames = 150, .test_frames = 750, .height = 18, .width = 16},
       .full = {.sessions = 20, .neurons = 60, .trials = 108, .frames = 150, .test_frames = 750, .height = 18, .width = 16},
       .experiments = {"hoefling_2024_core_readout_low_res", "hoefling_2024_core_readout_low_res_lnp",
                       "hoefling_2024_core_readout_low_res_hyperparams_search"},
       .paths = hoefling,
       .small_overrides = {},
       .write = write_hoefling_2024},
      {.name = "hoefling_2024_high_res",
       .what = "the same with movies of 72 x 64 px",
       .small = {.neurons = 16, .trials = 20, .frames = 150, .test_frames = 750, .height = 72, .width = 64},
       .full = {.sessions = 20, .neurons = 60, .trials = 108, .frames = 150, .test_frames = 750, .height = 72, .width = 64},
       .experiments = {"hoefling_2024_core_readout_high_res"},
       .paths = hoefling,
       .small_overrides = {"dataloader.validation_clip_indices=[0,4,10]"},
       .write = write_hoefling_2024},
      {.name = "maheswaranathan_2023",
       .what = "ganglion cells during natural scenes and white noise, 100 Hz, an HDF5 file per session and stimulus",
       .small = {.trials = 1, .frames = 3000, .test_frames = 300, .height = 50, .width = 50},
       .full = {.sessions = 3, .neurons = 14, .trials = 1, .frames = 359802, .test_frames = 5957, .repeats = 6,
                .height = 50, .width = 50},
       .experiments = {"maheswaranathan_2023_core_readout", "maheswaranathan_2023_LNP"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {},
       .write = write_maheswaranathan_2023},
      {.name = "goldin_2022",
       .what = "ganglion cells during flashed natural images, an HDF5 file per session",
       .small = {.trials = 1, .frames = 800, .test_frames = 30, .height = 108, .width = 108},
       .full = {.neurons = 40, .trials = 1, .frames = 3190, .test_frames = 30, .repeats = 30, .height = 108,
                .width = 108},
       .experiments = {"goldin_2022_core_readout", "goldin_2022_core_readout_hparams_search"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {},
       .write = write_goldin_2022},
      {.name = "karamanlis_2024",
       .what = "ganglion cells during natural images under a moving gaze, 75 Hz, a folder with a MATLAB file per session",
       .small = {.trials = 6, .frames = 300, .test_frames = 150, .height = 60, .width = 80},
       .full = {.sessions = 5, .neurons = 60, .trials = 60, .frames = 3600, .test_frames = 1200, .repeats = 60,
                .height = 60, .width = 80},
       .experiments = {"karamanlis_2024_core_readout"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {},
       .write = write_karamanlis_2024},
      {.name = "sridhar_2025_natural_movie",
       .what = "marmoset ganglion cells during parts of images that follow recorded gaze, 85 Hz: retinas 01 to 04",
       .small = {.sessions = 4, .trials = 10, .frames = 400, .test_frames = 300, .height = 80, .width = 90},
       .full = {.sessions = 4, .neurons = 370, .trials = 20, .frames = 25500, .test_frames = 5100, .repeats = 20,
                .height = 80, .width = 90},
       .experiments = {"sridhar_2025_nm_sc", "sridhar_2025_nm_sc_multicell", "vystrcilova_2024_nm_cnn",
                       "vystrcilova_2024_nm_ln"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {"dataloader.excluded_cells=null"},
       .write = write_sridhar_2025_natural_movie},
      {.name = "sridhar_2025_white_noise",
       .what = "marmoset ganglion cells during white noise, 85 Hz, a file per trial: retinas 01, 02 and 04",
       .small = {.sessions = 3, .trials = 10, .frames = 400, .test_frames = 300, .height = 80, .width = 90},
       .full = {.sessions = 3, .neurons = 370, .trials = 60, .frames = 1500, .test_frames = 1500, .repeats = 60,
                .height = 80, .width = 90},
       .experiments = {"sridhar_2025_wn_sc", "sridhar_2025_wn_sc_multicell", "vystrcilova_2024_wn_cnn",
                       "vystrcilova_2024_wn_ln"},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {"dataloader.excluded_cells=null"},
       .write = write_sridhar_2025_white_noise},
      {.name = "sensorium",
       .what = "visual cortex of mice during movies, with behaviour and pupil: folders of .npy files, 30 Hz",
       .small = {.trials = 6, .frames = 150, .test_frames = 120, .height = 18, .width = 32},
       .full = {.sessions = 5, .neurons = 7500, .trials = 480, .frames = 300, .test_frames = 300, .repeats = 10,
                .height = 36, .width = 64},
       .experiments = {},
       .paths = {{"paths.data_dir", ""}},
       .small_overrides = {},
       .write = write_sensorium},
  };
  return all;
}

const Layout& layout(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& layout : layouts()) {
    if (layout.name == name) return layout;
    names.push_back(layout.name);
  }
  throw Error("layout", "there is no layout '" + name + "'", did_you_mean(name, names));
}

}  // namespace plexiform::simulation

#include <data/hdf5_folder.h>
#include <data/session_groups.h>
#include <fmt/format.h>

#include <filesystem>

namespace plexiform::data {

namespace fs = std::filesystem;

std::map<std::string, StoredMovie> stimuli_of_folder(const std::string& folder) {
  std::map<std::string, StoredMovie> stimuli;
  const fs::path place = fs::path(folder) / "stimuli";
  if (!fs::is_directory(place)) return stimuli;  // every session may have its own
  for (const auto& entry : fs::directory_iterator(place)) {
    if (entry.path().extension() == ".npy") stimuli[entry.path().stem()] = {entry.path().string()};
  }
  return stimuli;
}

std::vector<SessionGroup> sessions_of_folder(const std::string& folder) {
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& file = entry.path();
    if (file.extension() != ".h5" && file.extension() != ".hdf5") continue;
    if (const auto [other, added] = files.emplace(file.stem(), file); !added) {
      throw Error(file.string(), fmt::format("is a second file of session '{}'", other->first), "rename one of them");
    }
  }
  if (files.empty()) {
    throw Error(folder, "holds no session (no .h5 or .hdf5 file)",
                "give the folder that holds stimuli/ and one HDF5 file per session");
  }
  std::vector<SessionGroup> sessions;
  for (const auto& [name, file] : files) sessions.push_back({name, std::make_shared<const Hdf5File>(file.string())});
  return sessions;
}

Recordings read_hdf5_folder(const Hdf5FolderParams& params) {
  if (!fs::is_directory(params.path)) {
    const std::string place = fs::absolute(params.path).lexically_normal().string();
    if (fs::exists(params.path)) {
      throw Error("path", place + " is a file",
                  "give the folder that holds it; a single file of recordings is read by data_io=recordings_file");
    }
    throw Error("path", "there is no folder " + place,
                "give the folder that holds stimuli/ and one HDF5 file per session; plexiform create-data makes a "
                "simulated one");
  }
  return read_sessions(
      sessions_of_folder(params.path), stimuli_of_folder(params.path),
      [&](const std::string& name) { return "add " + (fs::path(params.path) / "stimuli" / (name + ".npy")).string(); },
      {params.test_names, params.stimulus_size, params.norm_mean, params.norm_std, params.discard_frames,
       params.allow_negative});
}

}  // namespace plexiform::data

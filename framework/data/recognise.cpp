#include <config/override.h>
#include <data/array_files.h>
#include <data/checks.h>
#include <data/hdf5_folder.h>
#include <data/input_file.h>
#include <data/pickled_arrays.h>
#include <data/recognise.h>
#include <data/recordings_file.h>
#include <data/session_files.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& one) {
  return std::find(names.begin(), names.end(), one) != names.end();
}

bool any(const Names& names, const std::string& part) {
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return name.find(part) != std::string::npos; });
}

bool any_begins(const Names& names, const std::string& start) {
  return std::any_of(names.begin(), names.end(), [&](const auto& name) { return name.starts_with(start); });
}

// "a, b, c and 4 more"
std::string some(const Names& names) {
  const size_t shown = std::min<size_t>(names.size(), 6);
  const std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<int64_t>(shown), ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

Recognised refused(const std::string& what, const std::string& fix) { return {what, "", "", {}, fix}; }

// The layout of an experiment of openretina's.
Recognised experiment(const std::string& what, const std::string& layout, const std::string& config, Names overrides) {
  return {what, "plexiform.data." + layout, config, std::move(overrides), ""};
}

// A layout that has no experiment: read in the place of the quickstart's recordings.
Recognised in_quickstart(const std::string& what, const std::string& layout, const std::string& group,
                         const std::string& path, const std::string& tests) {
  return experiment(what, layout, "quickstart", {"data_io=" + group, override_of("paths.data_dir", path), tests});
}

enum class Kind { other, recordings_file, generic, goldin, maheswaranathan, karamanlis, hoefling };

Kind kind_of(const Hdf5File& file) {
  if (file.attribute("", "format") == recordings_format) return Kind::recordings_file;
  const Names names = file.names();
  if (any_begins(names, "responses_") || any_begins(names, "repeats_")) return Kind::generic;
  if (has(names, "runningfixations") || has(names, "frozenImages")) return Kind::karamanlis;
  if (file.has("train/stimulus") && file.has("train/response"))
    return file.has("train/response/binned") ? Kind::goldin : Kind::maheswaranathan;
  for (std::string name : names) {
    if (!name.ends_with("/")) continue;
    name.pop_back();
    if (any(file.names(name), "_trigger_times")) return Kind::hoefling;
  }
  return Kind::other;
}

Recognised hdf5_file(const std::string& path) {
  const Hdf5File file(path);
  const std::string folder = fs::absolute(path).lexically_normal().parent_path().string();
  switch (kind_of(file)) {
    case Kind::recordings_file:
      return in_quickstart("a recordings file of Plexiform", "RecordingsFile", "recordings_file", path,
                           "data_io.test_names=null");
    case Kind::generic:
      return refused("a session of the generic layout, an HDF5 file", "give its folder, " + folder);
    case Kind::goldin:
      return refused("a session of the layout of Goldin et al. 2022, an HDF5 file", "give its folder, " + folder);
    case Kind::maheswaranathan:
      return refused("a session of the layout of Maheswaranathan et al. 2023, an HDF5 file",
                     "give the folder that holds ganglion_cell_data/");
    case Kind::karamanlis:
      return refused("a session of the layout of Karamanlis et al. 2024, a MATLAB file",
                     "give the folder with a folder per session");
    case Kind::hoefling:
      return refused("the responses of Hoefling et al. 2024, an HDF5 file",
                     "give a folder that holds the pickled movies too, or --config-name with paths.movies_path and "
                     "paths.responses_path");
    default:
      return refused(fmt::format("an HDF5 file of no known layout, with {}", some(file.names())),
                     "a session has data sets responses_<stimulus>: framework/data/README.md");
  }
}

// Whether it is the movies of Hoefling et al., the responses of Sridhar et al., or something else.
Recognised pickle(const std::string& path) {
  const PickledArrays file(path);
  Names keys;
  try {
    keys = file.keys();
  } catch (const Error&) {
    return refused("a pickled array", "a movie alone is no recording: give the folder that it belongs to");
  }
  if (has(keys, "random_sequences") && has(keys, "train"))
    return refused("the movies of Hoefling et al. 2024, a pickle", "give a folder that holds the responses too");
  if (has(keys, "train_responses"))
    return refused("the responses of a retina of Sridhar et al. 2025, a pickle",
                   "give the folder that holds responses/ and the stimuli");
  return refused(fmt::format("a pickled dictionary with {}", some(keys)), "it is of no known layout");
}

Recognised single_file(const std::string& path) {
  check_input_file(path);
  std::array<char, 8> start = {};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  const std::string_view bytes(start.data(), start.size());
  if (bytes.substr(1, 3) == "HDF") return hdf5_file(path);
  if (bytes.starts_with("\x93NUMPY")) {
    const auto header = read_npy_header(path);
    return refused(
        fmt::format("an array of shape {}, {}{}", text(header.shape), c10::toString(header.dtype),
                    header.shape.size() == 4 ? ": a movie, if its axes are channels, frames, rows, columns" : ""),
        "an array alone is no recording: give the folder that it belongs to");
  }
  if (bytes.starts_with("\x80") && static_cast<unsigned char>(bytes[1]) <= 5) return pickle(path);
  if (bytes.starts_with("PK")) {
    const fs::path place(path);
    return refused("a zip archive", fmt::format("unzip {} -d {}, and give what comes out", path,
                                                (place.parent_path() / place.stem()).string()));
  }
  // HDF5 may follow a block of the user's own, as MATLAB's does.
  try {
    return hdf5_file(path);
  } catch (const Error&) {
    return refused("no recording: neither HDF5, .npy nor a pickle", "give a folder or file of recordings");
  }
}

// Files of the folder that are HDF5, by what they are.
std::vector<std::pair<std::string, Kind>> hdf5_files(const std::string& folder) {
  std::vector<std::pair<std::string, Kind>> found;
  for (const char* ending : {".h5", ".hdf5"}) {
    for (const auto& name : files_in(folder, ending)) {
      try {
        found.emplace_back(name, kind_of(Hdf5File(folder + "/" + name)));
      } catch (const Error&) {
        found.emplace_back(name, Kind::other);  // damaged: the layout's reader says so
      }
    }
  }
  return found;
}

// The two keys by which openretina's experiments choose what both of their functions read.
void choose(Names& overrides, const std::string& key, const std::string& value) {
  for (const char* part : {"stimuli", "responses"})
    overrides.push_back(fmt::format("data_io.{}.{}={}", part, key, value));
}

Recognised hoefling(const std::string& folder, const std::string& movies, const std::string& responses) {
  const auto shape = PickledArrays(folder + "/" + movies).array("train").sizes().vec();
  const bool low = shape.size() == 4 && shape[2] < 30;
  return experiment(
      fmt::format("the layout of Hoefling et al. 2024: pickled movies, {}, and responses, {}", movies, responses),
      "Hoefling2024", low ? "hoefling_2024_core_readout_low_res" : "hoefling_2024_core_readout_high_res",
      {override_of("paths.movies_path", folder + "/" + movies),
       override_of("paths.responses_path", folder + "/" + responses)});
}

Recognised folder_of_pickles(const std::string& path, const Names& folders) {
  const Names responses = files_in(path + "/responses", ".pkl");
  const bool movie = any(responses, "_fixation_movie"), noise = any(responses, "_wn");
  const std::string also = movie && noise ? " (white noise too: --config-name vystrcilova_2024_wn_cnn)" : "";
  if (movie && has(folders, "fixations")) {
    return experiment(
        "the layout of Sridhar et al. 2025, natural movie: pickled responses, still images and fixations" + also,
        "Sridhar2025", "vystrcilova_2024_nm_cnn", {override_of("paths.data_dir", path)});
  }
  if (noise) {
    return experiment(
        "the layout of Sridhar et al. 2025, white noise: pickled responses and a file per trial", "Sridhar2025",
        "vystrcilova_2024_wn_cnn",
        {override_of("paths.data_dir", path), "dataloader.retina_index=null", "dataloader.cell_index=null"});
  }
  return refused(fmt::format("a folder with responses/ ({})", some(responses)),
                 "the layout of Sridhar et al. 2025 has cell_responses_<retina>_fixation_movie.pkl or _wn.pkl there");
}

// Stimuli of a generic folder that are a test by their data sets or, where nothing says so, have repeats, or a name that
// begins with test; quoted for an override.
Names likely_tests(const std::string& path) {
  std::set<std::string> marked, tests, all;
  for (const auto& session : sessions_of_folder(path)) {
    const Names names = session.file->names();
    for (const std::string prefix : {"responses_", "repeats_"}) {
      for (const auto& name : names) {
        if (!name.starts_with(prefix)) continue;
        const std::string stimulus = name.substr(prefix.size());
        all.insert(stimulus);
        if (session.file->attribute(name, "split") == "test") marked.insert(stimulus);
        if (prefix == "repeats_" || stimulus.starts_with("test")) tests.insert(stimulus);
      }
    }
  }
  if (!marked.empty()) tests = marked;
  if (tests == all) tests.clear();
  Names quoted;
  for (const auto& name : tests) quoted.push_back(override_of("", name).substr(1));
  return quoted;
}

Recognised folder(const std::string& path) {
  const Names folders = folders_in(path);
  if (has(folders, "ganglion_cell_data")) {
    const std::string cells = path + "/ganglion_cell_data";
    Names overrides = {override_of("paths.data_dir", path)}, stimuli;
    for (const char* stimulus : {"naturalscene", "whitenoise"}) {
      const Names sessions = folders_in(cells);
      if (std::any_of(sessions.begin(), sessions.end(), [&](const auto& session) {
            return !files_in(cells + "/" + session, std::string(stimulus) + ".h5").empty();
          }))
        stimuli.emplace_back(stimulus);
    }
    if (stimuli == Names{"whitenoise"}) choose(overrides, "stim_type", "whitenoise");
    return experiment(
        fmt::format("the layout of Maheswaranathan et al. 2023: a folder per session; {}", fmt::join(stimuli, " and ")),
        "Maheswaranathan2023", "maheswaranathan_2023_core_readout", overrides);
  }
  const auto is_mouse = [](const std::string& place) { return fs::exists(place + "/meta/trials/tiers.npy"); };
  if (is_mouse(path) ||
      std::any_of(folders.begin(), folders.end(), [&](const auto& one) { return is_mouse(path + "/" + one); })) {
    return in_quickstart("the layout of the Sensorium competitions: folders of .npy files, a file per trial",
                         "Sensorium", "sensorium", path, "~data_io.test_names");
  }
  if (has(folders, "responses")) return folder_of_pickles(path, folders);
  Names species;
  for (const auto& one : folders) {
    if (files_in(path + "/" + one, "_data.mat").empty()) continue;
    for (const char* kind : {"mouse", "marmoset"}) {
      if (one.find(kind) != std::string::npos && !has(species, kind)) species.emplace_back(kind);
    }
  }
  if (!species.empty()) {
    Names overrides = {override_of("paths.data_dir", path)};
    if (!has(species, "mouse")) choose(overrides, "specie", species[0]);
    return experiment(fmt::format("the layout of Karamanlis et al. 2024: a folder with a MATLAB file per session; {}",
                                  fmt::join(species, " and ")),
                      "Karamanlis2024", "karamanlis_2024_core_readout", overrides);
  }
  const auto files = hdf5_files(path);
  const auto first = [&](Kind kind) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.second == kind; });
    return found == files.end() ? std::string() : found->first;
  };
  if (const Names pickles = files_in(path, ".pkl"); !first(Kind::hoefling).empty() && !pickles.empty()) {
    for (const auto& movies : pickles) {
      if (PickledArrays(path + "/" + movies).has("random_sequences"))
        return hoefling(path, movies, first(Kind::hoefling));
    }
  }
  if (!first(Kind::goldin).empty()) {
    Names overrides = {override_of("paths.data_dir", path)}, of;
    for (const char* kind : {"mouse", "axolotl"}) {
      if (std::any_of(files.begin(), files.end(),
                      [&](const auto& f) { return f.first.find(kind) != std::string::npos; }))
        of.emplace_back(kind);
    }
    if (of == Names{"axolotl"}) choose(overrides, "specie", "axolotl");
    return experiment(
        fmt::format("the layout of Goldin et al. 2022: an HDF5 file per session; {}", fmt::join(of, " and ")),
        "Goldin2022", "goldin_2022_core_readout", overrides);
  }
  if (!first(Kind::generic).empty() || (has(folders, "stimuli") && !files.empty())) {
    return in_quickstart("the generic layout: stimuli/ and an HDF5 file per session", "Hdf5Folder", "hdf5_folder", path,
                         "data_io.test_names=[" + fmt::format("{}", fmt::join(likely_tests(path), ",")) + "]");
  }
  if (const std::string file = first(Kind::recordings_file); !file.empty())
    return refused("a folder with a recordings file of Plexiform", "give the file, " + path + "/" + file);
  if (fs::exists(path + "/model/model.json"))
    return refused("a run of plexiform train, no recordings", "its config, .hydra/config.yaml, names them");
  if (has(folders, "stimuli"))
    return refused("a folder with stimuli/, but without a session",
                   "add an HDF5 file per session, with responses_<stimulus> in it");
  if (fs::path(path).filename() == "ganglion_cell_data")
    return refused("a part of the layout of Maheswaranathan et al. 2023", "give the folder that it lies in");
  Names there;
  for (const auto& one : folders) there.push_back(one + "/");
  for (const auto& one : files_in(path, "")) there.push_back(one);
  return refused(there.empty() ? "an empty folder" : fmt::format("a folder of no known layout, with {}", some(there)),
                 "framework/data/README.md shows a layout for your own recordings");
}

}  // namespace

std::string override_of(const std::string& key, const std::string& value) {
  const bool plain =
      !value.empty() && value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
                            std::string::npos;
  return key + "=" + (plain ? value : config::quoted_value(value));
}

Recognised recognise(const std::string& path) {
  std::error_code none;
  fs::path place = fs::path(path).lexically_normal();
  if (!place.has_filename() && place.has_parent_path()) place = place.parent_path();
  return fs::is_directory(place, none) ? folder(place.string()) : single_file(path);
}

}  // namespace plexiform::data

#include <data/recordings_file.h>
#include <fmt/format.h>

#include <filesystem>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

void check_format(const Hdf5File& file) {
  const auto format = file.attribute("", "format"), version = file.attribute("", "version");
  if (format != recordings_format) {
    throw Error(file.file(),
                fmt::format("is no recordings file: its attribute format is {}",
                            format ? fmt::format("'{}'", *format) : "missing"),
                "`plexiform data inspect` says what it is, `plexiform data convert` makes such a file of it");
  }
  if (!version || *version != fmt::format("{}", recordings_version)) {
    throw Error(file.file(),
                fmt::format("has version {} of the format, known is {}", version.value_or("''"), recordings_version),
                "use the Plexiform that wrote it, or a later one");
  }
}

// Its data set or, where that is a text, the file that it names.
StoredMovie stored_movie(const std::shared_ptr<const Hdf5File>& file, const std::string& name) {
  const std::string data_set = "stimuli/" + name, place = file->file() + ": /" + data_set;
  if (!file->has(data_set)) throw Error(place, "is a link to nowhere", "put the linked file back, or correct the link");
  if (!file->is_text(data_set)) return {place, file, data_set};
  const std::string linked = file->read_text(data_set);
  const fs::path movie = (fs::path(file->file()).parent_path() / linked).lexically_normal();
  if (!fs::exists(movie)) {
    throw Error(place, fmt::format("names {}, which is not there", movie.string()),
                "put it there; the path is taken from the folder of this file on");
  }
  return {movie.string()};
}

}  // namespace

bool is_recordings_file(const std::string& file) {
  try {
    return Hdf5File(file).attribute("", "format") == recordings_format;
  } catch (const Error&) {
    return false;
  }
}

RecordingsFile open_recordings_file(const std::string& name) {
  RecordingsFile found{std::make_shared<const Hdf5File>(name), {}, {}};
  const auto& file = found.file;
  check_format(*file);
  if (file->has("stimuli")) {
    for (std::string stimulus : file->names("stimuli")) {
      if (stimulus.ends_with("/"))
        throw Error(name + ": /stimuli/" + stimulus, "is a group, not a stimulus", "store data sets (C, T, H, W)");
      found.stimuli.emplace(stimulus, stored_movie(file, stimulus));
    }
  }
  if (file->has("sessions")) {
    for (std::string session : file->names("sessions")) {
      if (!session.ends_with("/"))
        throw Error(name + ": /sessions/" + session, "is no group",
                    "store a group per session, with responses_<name> in it");
      session.pop_back();
      found.sessions.push_back({session, file, "sessions/" + session});
    }
  }
  if (found.sessions.empty())
    throw Error(name, "holds no session (no group in /sessions)",
                "store a group per session, with responses_<name> in it");
  return found;
}

Recordings read_recordings_file(const RecordingsFileParams& params) {
  if (!fs::exists(params.path)) {
    throw Error("path", fmt::format("there is no file {}", fs::absolute(params.path).lexically_normal().string()),
                "give the file that `plexiform data convert` wrote");
  }
  if (params.stimulus_size && params.stimulus_size->size() != 3) {
    throw Error("stimulus_size", fmt::format("has {} entries", params.stimulus_size->size()),
                "use [channels, height, width], or null");
  }
  const auto [file, stimuli, sessions] = open_recordings_file(params.path);
  return read_sessions(sessions, stimuli,
                       [&](const std::string& name) { return fmt::format("add /stimuli/{} to {}", name, params.path); },
                       {params.test_names, params.stimulus_size, params.norm_mean, params.norm_std,
                        params.discard_frames, params.allow_negative});
}

}  // namespace plexiform::data

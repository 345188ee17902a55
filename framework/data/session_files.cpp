#include <data/checks.h>
#include <data/input_file.h>
#include <data/session_files.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <plexiform/error.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

template <class Wanted>
std::vector<std::string> names(const std::string& folder, Wanted wanted) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(".") && wanted(entry, name)) found.push_back(name);
  }
  if (error) throw Error(folder, "cannot be listed: " + error.message(), "check its permissions");
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string existing_folder(const std::string& folder, const std::string& knob, const std::string& fix) {
  fs::path place = fs::path(folder).lexically_normal();
  if (!place.has_filename() && place.has_parent_path()) place = place.parent_path();  // "a/" is "a"
  if (fs::is_directory(place)) return place.string();
  throw Error(knob, fmt::format("there is no folder {}", fs::absolute(place).lexically_normal().string()), fix);
}

std::vector<std::string> folders_in(const std::string& folder) {
  return names(folder, [](const auto& entry, const auto&) { return entry.is_directory(); });
}

std::vector<std::string> files_in(const std::string& folder, const std::string& ending) {
  return names(folder, [&](const auto& entry, const auto& name) {
    if (!name.ends_with(ending)) return false;
    std::error_code none;
    if (entry.is_symlink(none) && !entry.exists(none)) check_input_file(entry.path().string());  // says so
    return entry.is_regular_file(none);
  });
}

std::optional<std::string> only_file(const std::string& folder, const std::string& ending) {
  const auto found = files_in(folder, ending);
  if (found.size() > 1) {
    throw Error(folder, fmt::format("holds several files of one stimulus: {}", fmt::join(found, ", ")),
                "leave one of them");
  }
  if (found.empty()) return {};
  return (fs::path(folder) / found[0]).string();
}

void demand_sessions(const Recordings& recordings, const std::string& folder, const std::string& expected) {
  if (recordings.sessions.empty()) throw Error(folder, "holds no session", "give a folder with " + expected);
}

void set_size(Recordings& recordings, const std::string& place) {
  const Session* first = nullptr;
  for (const auto& session : recordings.sessions) {
    for (const auto* trials : {&session.train, &session.tests}) {
      for (const auto& trial : *trials) {
        const Stimulus& shown = *trial.stimulus;
        const Sizes size = {shown.channels(), shown.height(), shown.width()};
        const Sizes known = {recordings.channels, recordings.height, recordings.width};
        if (first && size != known) {
          throw Error(place,
                      fmt::format("session '{}' saw a movie of (C, H, W) {}, session '{}' one of {}", session.name,
                                  text(size), first->name, text(known)),
                      "train on sessions with movies of one size");
        }
        first = first ? first : &session;
        std::tie(recordings.channels, recordings.height, recordings.width) = std::tie(size[0], size[1], size[2]);
      }
    }
  }
}

}  // namespace plexiform::data

// What readers of folders with a file or folder per session have in common.
#pragma once

#include <data/recordings.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::data {

// `folder`, without superfluous slashes and dots. Throws Error(knob, ...) with `fix` unless it is there.
std::string existing_folder(const std::string& folder, const std::string& knob, const std::string& fix);

// Names, sorted; hidden ones are left out.
std::vector<std::string> folders_in(const std::string& folder);
std::vector<std::string> files_in(const std::string& folder, const std::string& ending);

// The path of the single file in `folder` whose name ends so; nothing when there is none. Throws Error(folder, ...)
// when there are several.
std::optional<std::string> only_file(const std::string& folder, const std::string& ending);

// Throws Error(folder, ...) unless there is a session.
void demand_sessions(const Recordings& recordings, const std::string& folder, const std::string& expected);

// Channels, height and width from the stimuli. Throws Error(place, ...) when they differ between sessions.
void set_size(Recordings& recordings, const std::string& place);

}  // namespace plexiform::data

#include <fmt/format.h>
#include <simulation/new_folder.h>
#include <unistd.h>

namespace plexiform::simulation {

namespace fs = std::filesystem;

namespace {

// What the file system refuses becomes an Error about the folder that the user named.
template <class F>
void about(const std::string& folder, F&& body) {
  try {
    body();
  } catch (const fs::filesystem_error& e) {
    throw Error(folder, "cannot be written: " + e.code().message(),
                "choose a folder that you may write to, on a disk with free space");
  }
}

void check_place(const std::string& shown, const fs::path& place, const std::string& record, bool replace) {
  if (!fs::exists(place)) return;
  if (!fs::is_directory(place)) throw Error(shown, "is a file", "choose another name");
  if (fs::is_empty(place)) return;
  if (!fs::exists(place / record)) {
    throw Error(shown, "is not empty, and what is in it was not simulated", "choose a folder that is not there yet");
  }
  if (!replace) {
    throw Error(shown, "holds simulated recordings already", "choose another folder, or replace them with --force");
  }
}

}  // namespace

NewFolder::NewFolder(const std::string& folder, const std::string& record, bool replace) : shown_(folder) {
  about(shown_, [&] {
    // a link is followed, and "DIR/" means DIR
    place_ = fs::weakly_canonical(fs::path(folder) / ".");
    if (!place_.has_filename()) place_ = place_.parent_path();
    check_place(shown_, place_, record, replace);
    building_ = fmt::format("{}.{}.partial", place_.string(), getpid());
    fs::create_directories(building_);
  });
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  fs::remove_all(building_, ignored);
}

void NewFolder::make(const std::string& sub_folder) {
  about(shown_, [&] { fs::create_directory(fs::path(building_) / sub_folder); });
}

void NewFolder::move_into_place() {
  about(shown_, [&] {
    const std::string old = building_ + ".old";
    const bool replaces = fs::exists(place_);
    if (replaces) fs::rename(place_, old);
    std::error_code error;
    fs::rename(building_, place_, error);
    if (error) {
      if (replaces) fs::rename(old, place_);
      throw fs::filesystem_error("rename", place_, error);
    }
    fs::remove_all(old);
  });
}

}  // namespace plexiform::simulation

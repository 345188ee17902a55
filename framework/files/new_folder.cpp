#include <fcntl.h>
#include <files/new_folder.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

namespace plexiform::files {

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

}  // namespace

void check_place(const std::string& folder) {
  about(folder, [&] {
    fs::path there = fs::weakly_canonical(fs::absolute(folder));
    while (!fs::exists(there)) there = there.parent_path();
    if (!fs::is_directory(there))
      throw fs::filesystem_error("access", there, std::make_error_code(std::errc::not_a_directory));
    if (::access(there.c_str(), W_OK | X_OK) != 0)
      throw fs::filesystem_error("access", there, {errno, std::generic_category()});
  });
}

NewFolder::NewFolder(const std::string& folder) : shown_(folder) {
  // No name would mean the folder that the program runs in, which replace() would remove.
  if (folder.empty()) throw Error("folder", "has no name", "name the folder to make");
  about(shown_, [&] {
    place_ = fs::weakly_canonical(fs::path(folder) / ".");  // "DIR/" means DIR
    if (!place_.has_filename()) place_ = place_.parent_path();
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
    const int failed = ::renameat2(AT_FDCWD, building_.c_str(), AT_FDCWD, place_.c_str(), RENAME_NOREPLACE);
    if (!failed) return;
    if (errno == EEXIST) throw Error(shown_, "is there already", "choose another name");
    if (errno != EINVAL) throw fs::filesystem_error("rename", place_, {errno, std::generic_category()});
    if (fs::exists(place_)) throw Error(shown_, "is there already", "choose another name");
    fs::rename(building_, place_);  // a file system that cannot do both in one
  });
}

void NewFolder::replace() {
  about(shown_, [&] {
    // What was there takes the other's place, from which the destructor removes it.
    if (!::renameat2(AT_FDCWD, building_.c_str(), AT_FDCWD, place_.c_str(), RENAME_EXCHANGE)) return;
    if (errno != ENOENT && errno != EINVAL)
      throw fs::filesystem_error("rename", place_, {errno, std::generic_category()});
    // Nothing is there, or a file system that cannot exchange.
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

}  // namespace plexiform::files

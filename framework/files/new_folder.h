// A folder that appears complete or not at all: it is built beside its place and moved there.
// Errors   Error(folder, what the system said, what to do).
#pragma once

#include <plexiform/error.h>

#include <filesystem>
#include <string>

namespace plexiform::files {

class NewFolder {
 public:
  // The folders above `folder` are made; a link is followed.
  explicit NewFolder(const std::string& folder);
  ~NewFolder();  // removes what was not moved into place
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const std::string& path() const { return building_; }  // write here
  void make(const std::string& sub_folder);
  void move_into_place();  // Throws Error when something is there by now.
  void replace();          // As move_into_place, but what was there before is removed.

 private:
  std::string shown_;
  std::filesystem::path place_;
  std::string building_;
};

// Throws Error where no folder could be made, or the one there not be written to; makes nothing.
void check_place(const std::string& folder);

}  // namespace plexiform::files

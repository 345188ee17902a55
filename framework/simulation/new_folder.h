// A folder that appears complete or not at all: it is built beside its place and moved there.
#pragma once

#include <plexiform/error.h>

#include <filesystem>
#include <string>

namespace plexiform::simulation {

class NewFolder {
 public:
  // Throws Error when `folder` is there and is not empty, unless `replace` and it holds a file
  // `record`: the sign that the program wrote it. The folders above it are made.
  NewFolder(const std::string& folder, const std::string& record, bool replace);
  ~NewFolder();  // removes what was not moved into place
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const std::string& path() const { return building_; }  // write here
  void make(const std::string& sub_folder);
  void move_into_place();  // what was there before is removed

 private:
  std::string shown_;
  std::filesystem::path place_;
  std::string building_;
};

}  // namespace plexiform::simulation

#include <data/input_file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace plexiform::data {

namespace fs = std::filesystem;

namespace {

std::string nearest_neighbour(const fs::path& file) {
  std::error_code ignored;
  std::vector<std::string> names;
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  return nearest(file.filename().string(), names);
}

}  // namespace

void check_input_file(const std::string& file) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (!fs::exists(status)) {
    if (fs::is_symlink(fs::symlink_status(file, error)))
      throw Error(file, "is a link that leads nowhere",
                  "fetch what it points to (git annex get, datalad get), or remove it");
    const auto near = nearest_neighbour(file);
    throw Error(file, "no such file", near.empty() ? "check the path" : "did you mean '" + near + "'?");
  }
  if (fs::is_directory(status)) {
    throw Error(file, "is a folder, not a file", "name a file in it");
  }
  if (!fs::is_regular_file(status)) {
    throw Error(file, "is not a regular file", "copy its content into a file");
  }
  if (access(file.c_str(), R_OK) != 0) {
    throw Error(file, std::string("cannot be read: ") + std::strerror(errno), "chmod +r, or ask its owner");
  }
  if (fs::file_size(file, error) == 0) {
    throw Error(file, "is empty", "copy or download it again");
  }
}

}  // namespace plexiform::data

#include <data/files.h>
#include <fcntl.h>
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

// fsync of a folder makes a rename in it last.
void flush_to_disk(const std::string& path, const std::string& file) {
  const int descriptor = open(path.c_str(), O_RDONLY);
  const bool flushed = descriptor >= 0 && fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  // Some network and container file systems cannot flush a folder; the rename is still complete.
  if (!flushed && error != EINVAL && error != ENOTSUP) {
    throw Error(file, std::string("cannot be flushed to the disk: ") + std::strerror(error),
                "free some space or write to another disk");
  }
}

}  // namespace

void check_input_file(const std::string& file) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (!fs::exists(status)) {
    const auto near = nearest_neighbour(file);
    throw Error(file, "no such file",
                near.empty() ? "check the path" : "did you mean '" + near + "'?");
  }
  if (fs::is_directory(status)) {
    throw Error(file, "is a folder, not a file", "name a file in it");
  }
  if (!fs::is_regular_file(status)) {
    throw Error(file, "is not a regular file", "copy its content into a file");
  }
  if (access(file.c_str(), R_OK) != 0) {
    throw Error(file, std::string("cannot be read: ") + std::strerror(errno),
                "chmod +r, or ask its owner");
  }
  if (fs::file_size(file, error) == 0) {
    throw Error(file, "is empty", "copy or download it again");
  }
}

AtomicFile::AtomicFile(const std::string& file)
    : file_(file), temporary_(file + "." + std::to_string(getpid()) + ".partial") {
  const auto parent = fs::path(file).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw Error(file, "its folder does not exist", "mkdir -p " + folder);
  }
  if (fs::is_directory(file, ignored)) {
    throw Error(file, "is a folder", "choose another name for the file");
  }
  if (access(folder.c_str(), W_OK) != 0) {
    throw Error(file, std::string("cannot be written: ") + std::strerror(errno),
                "choose a folder that you may write to");
  }
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  flush_to_disk(temporary_, file_);
  std::error_code error;
  fs::rename(temporary_, file_, error);
  if (error) {
    throw Error(file_, "cannot be written: " + error.message(),
                "choose a folder that you may write to");
  }
  committed_ = true;
  const auto parent = fs::path(file_).parent_path();
  flush_to_disk(parent.empty() ? "." : parent.string(), file_);
}

}  // namespace plexiform::data

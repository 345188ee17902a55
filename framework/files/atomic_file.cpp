#include <fcntl.h>
#include <files/atomic_file.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace plexiform::files {

namespace fs = std::filesystem;

namespace {

const std::string suffix = ".plexiform-partial";

std::string remedy(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or write to another disk";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f)";
    case EACCES:
    case EPERM:
      return "choose a folder that you may write to, or change its permissions";
    case EROFS:
      return "choose a folder on a disk that is not read-only";
    case ENOENT:
    case ENOTDIR:
      return "create its folder first";
    case ENAMETOOLONG:
      return "choose a shorter name";
    default:
      return "check the disk and try again";
  }
}

}  // namespace

void AtomicFile::fail() const {
  const int code = errno;
  throw Error(shown_, std::string("cannot be written: ") + std::strerror(code), remedy(code));
}

AtomicFile::AtomicFile(const std::string& path, unsigned mode) : shown_(path), path_(path) {
  std::error_code error;
  if (fs::is_symlink(path_, error)) {
    path_ = fs::canonical(path_, error).string();
    if (error) throw Error(shown_, "is a link to nowhere", "remove the link");
  }
  struct stat old = {};
  const bool exists = ::stat(path_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) {
    throw Error(shown_, S_ISDIR(old.st_mode) ? "is a folder" : "is a device or a pipe, not a file",
                "choose the name of a file");
  }

  const fs::path target(path_);
  folder_ = target.has_parent_path() ? target.parent_path().string() : ".";
  static std::atomic<unsigned> count = 0;
  do {  // hidden, and unlike any other writer's
    temporary_ = fmt::format("{}/.{}.{}-{}{}", folder_, target.filename().string(), ::getpid(), count++, suffix);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail();
  if (exists) ::fchmod(descriptor_,
                       old.st_mode & 07777);  // a courtesy: some file systems have no permissions to keep
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail();
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  temporary_.clear();

  // The rename itself lasts once the folder is on the disk. EINVAL: a file system that cannot sync
  // folders.
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;  // a folder that may be written to but not read
  const bool synced = ::fsync(folder) == 0 || errno == EINVAL;
  const int code = errno;
  ::close(folder);
  errno = code;
  if (!synced) fail();
}

void write_atomically(const std::string& path, std::string_view content, unsigned mode) {
  AtomicFile file(path, mode);
  file.write(content);
  file.commit();
}

int remove_leftovers(const std::string& folder) {
  int removed = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.') && name.ends_with(suffix) && ::unlink(it->path().c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace plexiform::files

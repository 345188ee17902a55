// A plugin's file as bytes: nothing here runs or maps any of it.
#pragma once

#include <plexiform/error.h>

#include <cstdint>
#include <optional>
#include <string>

namespace plexiform::plugins {

// Equal stamps: the same file, not written since.
struct Stamp {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t mtime_ns = 0;
  bool operator==(const Stamp&) const = default;
};

// A regular file, open for reading by read(): a mapped file that is cut short meanwhile would end the process (SIGBUS).
class File {
 public:
  // Throws Error when `path` is not a regular file (a folder, a FIFO, a link to nothing) or cannot be read.
  explicit File(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  const Stamp& stamp() const { return stamp_; }

  // `size` bytes from `offset`; fewer when the file ends before.
  std::string read(uint64_t offset, uint64_t size) const;

  // Of the whole content: 64 lower-case hexadecimal digits.
  std::string sha256() const;

 private:
  std::string path_;
  Stamp stamp_;
  int descriptor_ = -1;
};

// Where others than its owner and its group can change or replace the file: what lets them, and how to end that.
std::optional<Error> loose_permissions(const std::string& path);

}  // namespace plexiform::plugins

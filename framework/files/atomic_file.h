// A file that is written whole or not at all. The bytes go to a temporary name in the same folder,
// reach the disk (fsync), and take the place of `path` in one rename: a crash, a kill or a full
// disk leaves what was there before.
// Errors   Error(path, what the system said, what to do): no room, no permission, read-only,
//          no such folder, not a file.
// Threads  one at a time per object; two writers of one path do not mix, the later commit wins.
#pragma once

#include <plexiform/error.h>

#include <string>
#include <string_view>

namespace plexiform::files {

class AtomicFile {
 public:
  // Makes the temporary file. A symbolic link is followed; the permissions of an existing file are
  // kept; a new one has `mode`, less the umask. `path` has to be a regular file or not to exist.
  explicit AtomicFile(const std::string& path, unsigned mode = 0666);
  // Removes the temporary file unless commit() succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  // Where the bytes go until then, for a library that writes files itself: by this name, keeping the file it finds.
  const std::string& temporary() const { return temporary_; }

  // Puts the written bytes in place. At most once, nothing is written after it.
  void commit();

 private:
  [[noreturn]] void fail() const;

  std::string shown_, path_, folder_, temporary_;
  int descriptor_ = -1;
};

// All of it in one call.
void write_atomically(const std::string& path, std::string_view content, unsigned mode = 0666);

// Removes the temporary files that killed writers left in `folder` (not below it). Only for a
// folder that nobody else writes to at the moment. Returns how many there were.
int remove_leftovers(const std::string& folder);

}  // namespace plexiform::files

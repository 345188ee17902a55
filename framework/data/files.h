// Files on disk: looked at before they are read, written whole or not at all.
#pragma once

#include <plexiform/error.h>

#include <string>

namespace plexiform::data {

// Throws Error(file, what, fix) unless `file` is an existing, readable, regular file that is not
// empty. A missing file is answered with the nearest name in its folder.
void check_input_file(const std::string& file);

// A file that appears under its name only when it is complete: it is written under a temporary name
// in the same folder, and commit() flushes it to the disk and renames it. An existing file of that
// name stays until then, and for good when commit() is never reached. The temporary name ends in
// ".partial", so that no pattern such as *.h5 finds it.
//   Errors  Error when the folder is missing or not writable, or the disk is full.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& file);
  ~AtomicFile();  // removes what was not committed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::string& file() const { return file_; }  // the final name
  const std::string& temporary() const {
    return temporary_;
  }  // write here, close it, then commit()
  void commit();

 private:
  std::string file_, temporary_;
  bool committed_ = false;
};

}  // namespace plexiform::data

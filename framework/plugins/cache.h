// What is known of plugin files that were opened before, so that only new and changed ones are opened in a child process.
// A JSON file in the user's cache folder. It only saves time: one that is damaged is taken as empty, one that cannot be
// written is done without.
#pragma once

#include <plexiform/params.h>
#include <plugins/file.h>
#include <plugins/note.h>

#include <map>
#include <optional>
#include <string>

namespace plexiform::plugins {

enum class Verdict {
  good,     // opens, and its components describe themselves
  failed,   // cannot be opened here: a missing symbol or library; worth another try
  blocked,  // crashed or hung when it was opened: not touched again until it changes
};

// What opening a file in a child process showed.
struct Seen {
  Verdict verdict = Verdict::good;
  Problem problem;  // of failed and blocked
  Json components;  // of good: [{"kind", "name", "knobs": list_params}]
};

// Whether `components` has the form that Seen says: it comes from a file on disk, or from a plugin.
bool is_description(const Json& components);

class Cache {
 public:
  // $XDG_CACHE_HOME/plexiform/plugins-<host version>-torch<version>-<platform>.json, or ~/.cache/...; "" without a home.
  // One file per host: what one LibTorch opens may crash another.
  static std::string default_file();

  // Reads `file`; "" keeps nothing on disk.
  explicit Cache(std::string file = default_file());

  // The file as it was seen, when its stamp is unchanged.
  const Seen* find(const std::string& path, const Stamp& stamp) const;
  // The same content, wherever it was seen.
  const Seen* find_content(const std::string& sha256) const;
  // The SHA-256 of the unchanged file, or "".
  std::string sha256(const std::string& path, const Stamp& stamp) const;

  void put(const std::string& path, const Stamp& stamp, const std::string& sha256, Seen seen);

  // Notes that a run uses this content of `path`. Returns the content that the last run used there, or "".
  std::string use(const std::string& path, const std::string& sha256);

  // Writes the file, whole or not at all, for its user alone (mode 0600). What other processes wrote meanwhile is kept,
  // what is known of files that are gone is not. False when it cannot be written.
  bool save();

 private:
  struct Record {
    Stamp stamp;
    std::string sha256;
    Seen seen;
    std::string used;   // the content that the last run used, or ""
    bool mine = false;  // put by this process
  };
  static std::map<std::string, Record> read(const std::string& file);

  std::string file_;
  std::map<std::string, Record> records_;  // by path
};

}  // namespace plexiform::plugins

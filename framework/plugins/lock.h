// A lock pins plugins by their content, wherever their files lie. A run writes what it used to plugins.lock in its folder;
// with `--locked FILE`, and when a run is resumed, no plugin that differs is opened.
//
//   {"format": "plexiform.plugins/1",
//    "plugins": [{"plugin": "simple", "version": "0.1.0", "sha256": 64 hexadecimal digits}]}
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace plexiform::plugins {

struct Pin {
  std::string plugin, version;  // id and version, for people
  std::string sha256;           // what is compared
  bool operator==(const Pin&) const = default;
  std::string text() const;  // "simple 0.1.0 (SHA-256 ba78...)"
};

class Lock {
 public:
  // The file that --locked names. Throws Error when it cannot be read or is no lock file.
  static Lock named(const std::string& file);
  // What a run used; none when it recorded nothing.
  static std::optional<Lock> of_run(const std::string& folder);

  // Each once.
  static Lock of(const std::vector<Pin>& used);
  void write(const std::string& file) const;

  // Throws Error, at the plugin's file, when that content is not pinned.
  void check(const Pin& found, const std::string& plugin_file) const;

  const std::vector<Pin>& pins() const { return pins_; }

 private:
  static Lock read(const std::string& file, const std::string& remedy);

  std::string file_, remedy_;
  std::vector<Pin> pins_;
};

}  // namespace plexiform::plugins

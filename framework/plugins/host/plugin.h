// One loaded plugin: its descriptor, read as the contract says (plexiform/abi.h).
// Threads  load() may be called from several at a time.
#pragma once

#include <plexiform/abi.h>
#include <plugins/note.h>

#include <nlohmann/json.hpp>
#include <string>

namespace plexiform::plugins {

class Plugin {
 public:
  // Loads a file for the life of the process. `sha256` is that of its content, which was opened in a child process without
  // harm (Catalogue::prepare). Throws Error when it cannot be loaded or breaks the contract.
  static const Plugin& load(const std::string& file, const std::string& sha256);

  // What this process has loaded of `file`; null: nothing yet. Throws Error when the file was overwritten since: the loaded
  // code is then no longer what it was.
  static const Plugin* loaded(const std::string& file);

  const std::string& file() const { return file_; }
  const std::string& sha256() const { return sha256_; }
  const Note& note() const { return note_; }
  // The file is gone, or another one has taken its place: this process goes on with what it loaded.
  bool replaced() const;

  // The component of a kind ("core", ...); throws Error when there is none of that name.
  const plexiform_component& find(const std::string& kind, const std::string& name) const;

  // [{"kind", "name", "knobs": list_params}] of all components.
  nlohmann::ordered_json describe() const;

 private:
  void open();
  void check_descriptor() const;

  std::string file_, sha256_;
  Stamp stamp_;
  Note note_;
  const plexiform_plugin* descriptor_ = nullptr;
};

// The knobs of one component (plexiform/params.h, list_params). Throws Error.
nlohmann::ordered_json describe_component(const plexiform_component& component, const std::string& file);

}  // namespace plexiform::plugins

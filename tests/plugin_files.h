// Makes plugin files for tests: copies of a sound one, with something changed.
#pragma once

#include <plexiform/abi.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "folder.h"

inline const std::string plain_plugin = FIXTURE_DIR "/fixture_plain.plexiform.so";
inline const std::string mistakes_plugin = FIXTURE_DIR "/fixture_mistakes.plexiform.so";

inline void write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// A copy of `plugin` whose note `change` has edited; returns `file`.
inline std::string copy_with_note(const std::string& plugin, const std::string& file,
                                  const std::function<void(plexiform_note&)>& change) {
  std::string bytes = content(plugin);
  const size_t at = bytes.find(PLEXIFORM_NOTE_MAGIC);
  if (at == std::string::npos) throw std::runtime_error(plugin + " has no note");
  plexiform_note note;
  std::memcpy(&note, bytes.data() + at, sizeof note);
  change(note);
  std::memcpy(bytes.data() + at, &note, sizeof note);
  write(file, bytes);
  return file;
}

inline void set_id(plexiform_note& note, const std::string& id) { std::strcpy(note.plugin_id, id.c_str()); }

// kind, name, alias of (or ""), summary
inline std::string listed(const std::string& kind, const std::string& name, const std::string& alias_of = "") {
  return kind + "\t" + name + "\t" + alias_of + "\tfor a test\n";
}

inline void set_components(plexiform_note& note, const std::string& lines) {
  std::memset(note.components, 0, sizeof note.components);
  std::memcpy(note.components, lines.data(), lines.size());
  note.components_size = static_cast<uint32_t>(lines.size());
}

// A copy of the plain plugin with this id, listing these components.
inline std::string plugin_of(const std::string& file, const std::string& id, const std::string& components) {
  return copy_with_note(plain_plugin, file, [&](plexiform_note& note) {
    set_id(note, id);
    set_components(note, components);
  });
}

// Whether this process has mapped the file.
inline bool is_mapped(const std::string& file) {
  const std::string path = std::filesystem::canonical(file);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path)) return true;
  }
  return false;
}

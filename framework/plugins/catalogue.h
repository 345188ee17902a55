// The catalogue of all plugins that the search order holds: what each file offers, which of them are refused and why, and
// which component a config's `_target_` means. It is made from the files' notes and the cache; no plugin is loaded.
// Threads  one at a time per catalogue.
#pragma once

#include <plugins/cache.h>
#include <plugins/lock.h>
#include <plugins/note.h>
#include <plugins/sources.h>

#include <optional>
#include <string>
#include <vector>

namespace plexiform::plugins {

enum class Status {
  ok,        // its note fits this host, and it was opened without harm
  fresh,     // its note fits; new or changed: opened in a child process before it is first used
  refused,   // no plugin, damaged, built for another host, or it cannot be opened
  shadowed,  // another file of the same plugin id comes earlier in the search order
  blocked,   // crashed or hung when it was opened; not touched until it changes
};
const char* text(Status status);  // "ok", "new", "refused", "shadowed", "blocked"

struct PluginFile {
  std::string path;    // absolute, links followed
  bool named = false;  // by --plugin or a config: an error there stops the command, it is not passed over
  Stamp stamp;         // when it was read
  std::optional<Note> note;
  std::vector<Problem> problems;   // why it is refused or blocked
  std::string shadowed_by;         // a path, or ""
  std::optional<Problem> warning;  // loose permissions
  std::string changed;             // a sentence, when the last run used another content; known once it is used
  std::optional<Verdict> seen;     // what opening it showed; none: it was not opened yet
  Json components;                 // of a good file: with their knobs (cache.h, Seen)

  const std::string& id() const { return note->plugin_id; }
  Status status() const;
};

// A component that a `_target_` means.
struct Found {
  const PluginFile* file;  // valid as long as the catalogue
  ListedComponent component;
};

class Catalogue {
 public:
  // Reads the notes of all files. Never throws for a bad file: it is listed as refused.
  static Catalogue discover(const Sources& sources, Cache cache = Cache());

  // In search order.
  const std::vector<PluginFile>& files() const { return files_; }

  // The component that `target` names: "mylab.cores.Net", or pinned to a plugin "net:mylab.cores.Net" or to one of its
  // versions "net@1.2.0:mylab.cores.Net". A component's own name goes before another's alias.
  //   kind  "core", "readout", "loss"; "" any
  // Throws Error, `where` "" unless it is a file: unknown (with the nearest name), of another kind, offered by two plugins
  // (with the pinned forms), or in a file that was refused (with the reasons).
  Found find(const std::string& target, const std::string& kind) const;

  // The file of that plugin id that is not shadowed, even when it is refused. Null when none has it.
  const PluginFile* find_plugin(const std::string& id) const;

  // To be called before a file is loaded: makes sure that its present content was opened in a child process without harm,
  // and with it all other files that are new, in the same child. Returns the content's SHA-256.
  // Throws Error when the file is refused or blocked, or became so.
  std::string prepare(const PluginFile& file);

  // From now on a file whose content `lock` does not pin is refused before it is opened.
  void lock(Lock lock) { lock_ = std::move(lock); }
  // Throws Error when `content` of the file is not pinned.
  void check_lock(const PluginFile& file, const std::string& content) const;

  // To be called when a run loads the file: remembers its content, and says when it is not the one of the last run (`changed`).
  void use(const PluginFile& file, const std::string& content);

  // Opens all files that are new in one child process, and remembers the results. Nothing happens when there is none.
  void open_new_files() { open(nullptr); }

  // For tests of plugins: files that are new count as good.
  void trust_new_files();

 private:
  void add(const std::string& path, bool named);
  void shadow();
  void open(const PluginFile* again);

  std::vector<PluginFile> files_;
  Cache cache_{""};
  std::optional<Lock> lock_;
};

// Throws Error with all problems of a refused or blocked file.
[[noreturn]] void refuse(const PluginFile& file);

}  // namespace plexiform::plugins

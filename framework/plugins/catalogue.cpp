#include <plexiform/error.h>
#include <plugins/catalogue.h>
#include <plugins/probe.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace plexiform::plugins {

namespace fs = std::filesystem;

namespace {

// Of one level, by name. A hidden file is an installer's temporary one.
std::vector<std::string> plugin_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(PLEXIFORM_PLUGIN_SUFFIX) && name[0] != '.') files.push_back(entry->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// `target` taken apart: "id@version:name", where all but the name may be missing.
struct Target {
  std::string id, version, name;
  explicit Target(const std::string& target) {
    const size_t colon = target.find(':');
    name = colon == std::string::npos ? target : target.substr(colon + 1);
    if (colon == std::string::npos) return;
    id = target.substr(0, colon);
    if (const size_t at = id.find('@'); at != std::string::npos) {
      version = id.substr(at + 1);
      id.erase(at);
    }
  }
  bool pinned() const { return !id.empty(); }
  bool allows(const PluginFile& file) const {
    if (!pinned()) return file.shadowed_by.empty();
    if (file.id() != id) return false;
    // A version may ask for a shadowed file: two versions side by side.
    return version.empty() ? file.shadowed_by.empty() : file.note->plugin_version == version;
  }
};

// One that could not be opened the last time is worth another try: a library may have been installed meanwhile.
bool usable(const PluginFile& file) { return file.problems.empty() || file.seen == Verdict::failed; }

// Fills in what the file itself says.
void read(PluginFile& file, const File& opened) {
  file.stamp = opened.stamp();
  file.seen.reset();
  file.note = read_note(opened);
  file.problems = mismatches(*file.note, this_host());
}

void judge(PluginFile& file, const Seen& seen) {
  file.seen = seen.verdict;
  file.components = seen.components;
  file.problems.clear();
  if (seen.verdict != Verdict::good) file.problems = {seen.problem};
}

[[noreturn]] void ambiguous(const std::string& name, const std::vector<Found>& matches) {
  std::string where, pins;
  for (const auto& match : matches) {
    where += (where.empty() ? "" : " and ") + match.file->path;
    pins += (pins.empty() ? "" : " or ") + match.file->id() + ":" + name;
  }
  throw Error("", "'" + name + "' is offered by " + std::to_string(matches.size()) + " plugins: " + where,
              "say which: " + pins);
}

// "plexiform.cores.ConvGRU" and "conv_gru" -> "convgru"
std::string bare(const std::string& name) {
  std::string letters;
  for (const char c : name.substr(name.find_last_of(".:") + 1)) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return letters;
}

// What to write instead of a name that is not there.
std::string nearest_name(const std::vector<PluginFile>& files, const Target& wanted, const std::string& target,
                         const std::string& kind) {
  std::vector<std::string> known, plugins;
  for (const auto& file : files) {
    if (!file.note || !usable(file) || !file.shadowed_by.empty()) continue;
    if (kind.empty()) plugins.push_back(file.id());  // whoever asks for any kind may have meant all of a plugin
    for (const auto& component : file.note->components) {
      if (!kind.empty() && component.kind != kind) continue;
      known.push_back(wanted.pinned() ? file.id() + ":" + component.name : component.name);
    }
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (known.empty()) return "name a folder of plugins with --plugin-path; `plexiform plugins list` shows what is found";
  for (const auto& name : known) {
    if (bare(name) == bare(target)) return "did you mean '" + name + "'?";
  }
  const bool any_unread = std::any_of(files.begin(), files.end(), [](const auto& file) { return !file.note; });
  const std::string near = nearest(target, known), plugin = nearest(target, plugins);
  return (!near.empty()     ? "did you mean '" + near + "'?"
          : !plugin.empty() ? "did you mean the plugin '" + plugin + "'? `plexiform plugins list` shows all"
                            : "if it is yours, give its file by --plugin FILE; `plexiform plugins list` shows all that "
                              "are found") +
         (any_unread ? " (some files could not be read: `plexiform plugins list` says why)" : "");
}

}  // namespace

const char* text(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::fresh:
      return "new";
    case Status::refused:
      return "refused";
    case Status::shadowed:
      return "shadowed";
    case Status::blocked:
      return "blocked";
  }
  return "";
}

Status PluginFile::status() const {
  if (seen == Verdict::blocked) return Status::blocked;
  if (!problems.empty()) return Status::refused;
  if (!shadowed_by.empty()) return Status::shadowed;
  return seen ? Status::ok : Status::fresh;
}

void refuse(const PluginFile& file) {
  std::string problem, fix;
  for (const auto& p : file.problems) {
    problem += (problem.empty() ? "" : "; ") + p.problem;
    if (fix.find(p.fix) == std::string::npos) fix += (fix.empty() ? "" : "; ") + p.fix;
  }
  throw Error(file.path, problem, fix);
}

Catalogue Catalogue::discover(const Sources& sources, Cache cache) {
  Catalogue catalogue;
  catalogue.cache_ = std::move(cache);
  for (const auto& file : sources.files) catalogue.add(file, true);
  for (const auto& folder : sources.folders) {
    for (const auto& file : plugin_files(folder)) catalogue.add(file, false);
  }
  catalogue.shadow();
  return catalogue;
}

void Catalogue::add(const std::string& path, bool named) {
  PluginFile file;
  file.named = named;
  std::error_code missing;
  const fs::path real = fs::canonical(path, missing);
  file.path = missing ? fs::absolute(path).lexically_normal().string() : real.string();
  try {
    const File opened(file.path);
    for (const auto& other : files_) {  // at two paths it would be two copies in memory
      if (other.stamp.inode == opened.stamp().inode && other.stamp.device == opened.stamp().device) return;
    }
    read(file, opened);
  } catch (const Error& e) {
    file.problems = {{e.problem(), e.fix()}};
  }
  if (const auto loose = loose_permissions(file.path)) {
    if (geteuid() == 0) {
      file.problems.push_back({loose->problem() + ", and this process is root's", loose->fix()});
    } else {
      file.warning = {loose->problem(), loose->fix()};
    }
  }
  const Seen* seen = cache_.find(file.path, file.stamp);
  if (seen && file.problems.empty() && !(named && seen->verdict == Verdict::failed)) judge(file, *seen);
  files_.push_back(std::move(file));
}

// A refused file shadows too: falling back to another build of the same plugin in silence would give other results.
void Catalogue::shadow() {
  for (size_t i = 0; i < files_.size(); ++i) {
    for (size_t j = 0; j < i && files_[i].note && files_[i].shadowed_by.empty(); ++j) {
      if (!files_[j].note || files_[j].id() != files_[i].id()) continue;
      files_[i].shadowed_by = files_[j].path;
    }
  }
}

Found Catalogue::find(const std::string& target, const std::string& kind) const {
  for (const auto& file : files_) {
    if (file.named && !file.problems.empty()) refuse(file);
  }
  const Target wanted(target);
  std::vector<Found> names, aliases, refused, shadowed, other_kind;
  for (const auto& file : files_) {
    if (!file.note) continue;
    for (const auto& component : file.note->components) {
      if (component.name != wanted.name) continue;
      const Found found{&file, component};
      if (!wanted.allows(file)) {
        if (!wanted.pinned()) shadowed.push_back(found);
      } else if (!kind.empty() && component.kind != kind) {
        other_kind.push_back(found);
      } else if (!usable(file)) {
        refused.push_back(found);
      } else {
        (component.alias_of.empty() ? names : aliases).push_back(found);
      }
    }
  }
  const auto& matches = names.empty() ? aliases : names;
  if (matches.size() == 1) return matches[0];
  if (matches.size() > 1) ambiguous(wanted.name, matches);
  if (!refused.empty()) refuse(*refused[0].file);
  const std::string noun = kind.empty() ? "component" : kind;
  const std::string fix = nearest_name(files_, wanted, target, kind);
  if (!other_kind.empty()) {
    throw Error("", "'" + target + "' is a " + other_kind[0].component.kind + ", not a " + noun,
                fix.starts_with("did you mean") ? fix : "name a " + noun + "; `plexiform plugins list` shows them");
  }
  if (!shadowed.empty()) {
    const PluginFile& file = *shadowed[0].file;
    throw Error("", "'" + target + "' is only in " + file.path + ", which " + file.shadowed_by + " shadows",
                "pin it: " + file.id() + "@" + file.note->plugin_version + ":" + target);
  }
  throw Error("", "no " + noun + " is named '" + target + "'", fix);
}

const PluginFile* Catalogue::find_plugin(const std::string& id) const {
  for (const auto& file : files_) {
    if (file.note && file.id() == id && file.shadowed_by.empty()) return &file;
  }
  return nullptr;
}

void Catalogue::open(const PluginFile* again) {
  std::vector<PluginFile*> files;
  std::vector<std::string> hashes, paths;
  bool learnt = false;
  for (auto& file : files_) {
    const bool is_new = file.status() == Status::fresh;
    if (!is_new && &file != again) continue;
    try {
      const File opened(file.path);
      read(file, opened);
      if (!file.problems.empty()) continue;
      const std::string hash = opened.sha256();
      check_lock(file, hash);
      const Seen* known = cache_.find_content(hash);
      if (known && (known->verdict != Verdict::failed || !(file.named || &file == again))) {
        judge(file, *known);
        cache_.put(file.path, file.stamp, hash, Seen(*known));
        learnt = true;
      } else {
        files.push_back(&file);
        hashes.push_back(hash);
        paths.push_back(file.path);
      }
    } catch (const Error& e) {
      file.problems = {{e.problem(), e.fix()}};
    }
  }
  if (!files.empty()) {
    const auto seen = probe(command_file(), paths);
    for (size_t i = 0; i < files.size(); ++i) {
      judge(*files[i], seen[i]);
      cache_.put(paths[i], files[i]->stamp, hashes[i], seen[i]);
    }
    learnt = true;
  }
  if (learnt) cache_.save();
}

std::string Catalogue::prepare(const PluginFile& file) {
  const File opened(file.path);
  const std::string hash = opened.sha256();
  check_lock(file, hash);
  const std::string recorded = cache_.sha256(file.path, opened.stamp());
  const bool unchanged = opened.stamp() == file.stamp && (recorded.empty() || recorded == hash);
  const bool settled = file.seen == Verdict::good || file.seen == Verdict::blocked;
  const bool others = std::any_of(files_.begin(), files_.end(),
                                  [](const auto& other) { return other.named && other.status() == Status::fresh; });
  if (!settled || !unchanged || others) open(&file);
  if (!file.problems.empty()) refuse(file);
  for (const auto& other : files_) {
    if (other.named && !other.problems.empty()) refuse(other);
  }
  return hash;
}

void Catalogue::check_lock(const PluginFile& file, const std::string& content) const {
  if (lock_ && file.note) lock_->check({file.id(), file.note->plugin_version, content}, file.path);
}

void Catalogue::use(const PluginFile& file, const std::string& content) {
  const std::string before = cache_.use(file.path, content);
  if (before == content) return;
  cache_.save();
  if (before.empty()) return;
  files_[static_cast<size_t>(&file - files_.data())].changed =
      file.path + " changed since the last run that used it: SHA-256 " + before + " then, " + content + " now";
}

void Catalogue::trust_new_files() {
  for (auto& file : files_) {
    if (file.problems.empty()) file.seen = Verdict::good;
  }
}

}  // namespace plexiform::plugins

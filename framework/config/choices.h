// Which options groups get: what the command line and `override` entries say, and what has been
// settled so far.
#pragma once

#include <config/defaults_entry.h>
#include <config/override.h>
#include <config/repository.h>

#include <map>
#include <set>

namespace plexiform::config {

struct Choice {
  std::string key;                    // "model", "optimizer@second"
  std::optional<std::string> option;  // "big", "[a, b]"; none: null
  bool is_list = false;
};

class Choices {
 public:
  // Sorts the overrides into those of groups and those of values. Throws Error for a value that
  // names no option.
  Choices(const Repository& repository, const std::vector<Override>& overrides);

  const std::vector<Override>& values() const { return values_; }   // that set values
  const std::vector<Entry>& appended() const { return appended_; }  // "+group=option"
  const std::vector<Choice>& settled() const { return settled_; }   // in the order of settling

  // Notes an `override` entry. The first one for a key holds, and the command line before all.
  void note_override(const Entry& entry);
  // Gives an entry the option that was overridden for it, if any.
  void apply_override(Entry& entry);
  // Whether the command line deletes this use of a group.
  bool deletes(const Entry& entry);
  // An entry's option is final. Returns false if the same use of the group has another option
  // already.
  bool settle(const Entry& entry);
  // The option of a settled key.
  const Choice* find(const std::string& key) const;

  // Throws Error for an override or deletion of a group that no defaults list chooses.
  void check_all_used() const;

 private:
  struct Forced {
    Entry entry;
    bool from_command_line = false;
    bool used = false;
  };
  struct Deletion {
    Override override;
    std::optional<std::string> option;
    bool used = false;
  };
  void sort_in(const Override& override, const Repository& repository);
  static Entry entry_of(const Override& override, const Repository& repository);

  std::vector<Override> values_;
  std::vector<Entry> appended_;
  std::vector<Choice> settled_;
  std::vector<std::pair<std::string, Forced>> forced_;  // in the order of the command line
  std::vector<std::pair<std::string, Deletion>> deletions_;
  std::map<std::string, std::set<std::string>> keys_of_group_;
};

}  // namespace plexiform::config

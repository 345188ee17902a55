#include <config/choices.h>

#include <algorithm>

namespace plexiform::config {
namespace {

using Action = Override::Action;

[[noreturn]] void fail(const Override& override, const std::string& problem, const std::string& fix) {
  throw Error(override.location.text() + ": " + override.text, problem, fix);
}

std::string option_name(const Node& node, const Override& override, const Repository& repository) {
  if (node.kind == Kind::missing) return "???";
  if (node.kind == Kind::string || node.kind == Kind::interpolation) return node.string;
  std::string fix = "options of " + override.key + ": " + joined(repository.options(override.key));
  if (node.is_null()) fix += "; to leave the group out, write ~" + override.address();
  fail(override, "'" + override.key + "' is a group, and the value is no name of an option", fix);
}

}  // namespace

Choices::Choices(const Repository& repository, const std::vector<Override>& overrides) {
  for (const auto& override : overrides) sort_in(override, repository);
}

void Choices::sort_in(const Override& override, const Repository& repository) {
  if (override.sweep) return;  // each job of the sweep has a value of its own
  const bool is_map = override.value && override.value->is_map();
  if (is_map || !repository.has_group(override.key)) {
    values_.push_back(override);
    return;
  }
  const std::string key = override.address();
  switch (override.action) {
    case Action::force:
      fail(override, "'++' cannot choose an option",
           "write +" + key + "=OPTION to add, or " + key + "=OPTION to change");
    case Action::remove: {
      Deletion deletion{override, std::nullopt};
      if (override.value) deletion.option = option_name(*override.value, override, repository);
      deletions_.emplace_back(key, std::move(deletion));
      return;
    }
    case Action::add:
      appended_.push_back(entry_of(override, repository));
      return;
    case Action::change: {
      std::erase_if(forced_, [&](const auto& earlier) { return earlier.first == key; });
      forced_.emplace_back(key, Forced{entry_of(override, repository), true});
      return;
    }
  }
}

Entry Choices::entry_of(const Override& override, const Repository& repository) {
  Entry entry;
  entry.kind = Entry::Kind::group;
  entry.name = override.key;
  entry.package = override.package == "_here_" ? "" : override.package;
  entry.location = override.location;
  entry.appended = override.action == Action::add;
  entry.is_list = override.value->is_list();
  for (const auto& item : override.value->items) {
    entry.options.push_back(option_name(item, override, repository));
  }
  if (!entry.is_list) entry.option = option_name(*override.value, override, repository);
  return entry;
}

void Choices::note_override(const Entry& entry) {
  const std::string key = entry.key();
  const bool known = std::any_of(forced_.begin(), forced_.end(), [&](const auto& each) { return each.first == key; });
  if (!known) forced_.emplace_back(key, Forced{entry});
}

void Choices::apply_override(Entry& entry) {
  if (entry.kind != Entry::Kind::group) return;
  for (auto& [key, forced] : forced_) {
    if (key != entry.key()) continue;
    forced.used = true;
    entry.option = forced.entry.option;
    entry.options = forced.entry.options;
    entry.is_list = forced.entry.is_list;
    entry.location = forced.entry.location;
    return;
  }
}

bool Choices::deletes(const Entry& entry) {
  if (entry.kind != Entry::Kind::group) return false;
  for (auto& [key, deletion] : deletions_) {
    if (key != entry.key() || (deletion.option && deletion.option != entry.option)) continue;
    deletion.used = true;
    return true;
  }
  return false;
}

bool Choices::settle(const Entry& entry) {
  if (entry.kind != Entry::Kind::group) return true;
  const std::string key = entry.key();
  keys_of_group_[entry.group()].insert(key);
  if (entry.is_list) {
    settled_.push_back({key, entry.value_text(), true});
    return true;
  }
  if (const Choice* known = find(key)) return known->option == entry.option;
  settled_.push_back({key, entry.option});
  return true;
}

const Choice* Choices::find(const std::string& key) const {
  const auto same = [&](const Choice& choice) { return choice.key == key && !choice.is_list; };
  const auto found = std::find_if(settled_.begin(), settled_.end(), same);
  return found == settled_.end() ? nullptr : &*found;
}

void Choices::check_all_used() const {
  for (const auto& [key, forced] : forced_) {
    if (forced.used) continue;
    const auto uses = keys_of_group_.find(key.substr(0, key.find('@')));
    std::string fix = "remove 'override' to choose it here";
    if (uses != keys_of_group_.end()) {
      fix = "did you mean " + joined({uses->second.begin(), uses->second.end()}) + "?";
      if (!forced.from_command_line) {
        fix += " A config that overrides choices at the top begins with '# @package _global_'";
      }
    } else if (forced.from_command_line) {
      fix = "write +" + key + "=" + forced.entry.value_text() + " to add it";
    }
    const std::string shown = forced.from_command_line ? key : forced.entry.written();
    throw Error(forced.entry.location.text() + ": " + shown, "no defaults list chooses '" + key + "'", fix);
  }
  for (const auto& [key, deletion] : deletions_) {
    if (deletion.used) continue;
    std::vector<std::string> known;
    for (const auto& choice : settled_) {
      known.push_back(choice.key);
      if (choice.is_list && choice.key == key) {
        fail(deletion.override, "'" + key + "' is a list of options: " + *choice.option,
             "write " + key + "=[] to leave out all of them");
      }
    }
    const std::string wanted = key + (deletion.option ? ": " + *deletion.option : "");
    fail(deletion.override, "no defaults list chooses '" + wanted + "'", did_you_mean(key, known));
  }
}

}  // namespace plexiform::config

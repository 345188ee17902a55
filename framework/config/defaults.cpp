#include <config/defaults.h>
#include <config/defaults_entry.h>
#include <config/resolve.h>

#include <algorithm>
#include <set>

namespace plexiform::config {
namespace {

// An entry with what it brings in.
struct Twig {
  Entry entry;
  const Twig* parent = nullptr;
  const ConfigFile* config = nullptr;
  bool primary = false;
  std::vector<std::unique_ptr<Twig>> children;
};

// "chosen by 'model: big' in conf/train.yaml:3:5, which is chosen by ..."; "" for the primary.
std::string chain(const Twig& twig) {
  if (twig.primary || !twig.parent) return "";
  std::string text = "chosen by '" + twig.entry.written() + "' in " + twig.entry.location.text();
  const std::string above = chain(*twig.parent);
  return above.empty() ? text : text + ", which is " + above;
}

class Expander {
 public:
  Expander(Repository& repository, const std::vector<Override>& overrides)
      : repository_(repository) {
    for (const auto& override : overrides) sort_in(override);
  }

  Defaults expand(const std::string& primary) {
    Twig root;
    for (const std::string& name : {std::string("hydra/config"), primary}) {
      auto twig = std::make_unique<Twig>();
      twig->entry.name = name;
      twig->primary = name == primary && !root.children.empty();
      twig->parent = &root;
      root.children.push_back(std::move(twig));
    }
    if (!repository_.load(primary)) no_primary(primary);
    grow(*root.children[1], false);
    grow(*root.children[0], false);
    check_all_used();

    result_.tree.text = "<root>";
    for (const auto& twig : root.children) collect(*twig, result_.tree);
    check_no_duplicates();
    for (auto choice = chosen_.rbegin(); choice != chosen_.rend(); ++choice) {
      if (!choice->key.starts_with("hydra/")) result_.choices.push_back(*choice);
    }
    return std::move(result_);
  }

 private:
  struct Forced {  // a choice by `override` or by the command line
    Entry entry;
    bool from_command_line = false;
    bool used = false;
    std::string owner;  // the config that says `override`
  };
  struct Chosen : Choice {
    bool is_list = false;
  };
  struct Deletion {
    const Override* override;
    std::optional<std::string> option;
    bool used = false;
  };

  [[noreturn]] static void fail(const Override& override, const std::string& problem,
                                const std::string& fix) {
    throw Error(override.location.text() + ": " + override.text, problem, fix);
  }
  [[noreturn]] static void fail(const Twig& twig, const std::string& problem,
                                const std::string& fix) {
    const std::string above = twig.parent ? chain(*twig.parent) : "";
    throw Error(twig.entry.location.text() + ": " + twig.entry.written(),
                problem + (above.empty() ? "" : " (this list is " + above + ")"), fix);
  }

  // Decides which overrides choose options and which set values.
  void sort_in(const Override& override) {
    const bool value_is_map = override.value && override.value->is_map();
    if (value_is_map || !repository_.has_group(override.key)) {
      result_.config_values.push_back(override);
      return;
    }
    using Action = Override::Action;
    if (override.action == Action::force) {
      fail(override, "'++' cannot choose an option",
           "write +" + override.address() + "=OPTION to add, or " + override.address() +
               "=OPTION to change");
    }
    if (override.action == Action::remove) {
      Deletion deletion{&override, std::nullopt};
      if (override.value && override.value->kind != Kind::string) {
        fail(override, "the option is no text", "write ~" + override.address());
      }
      if (override.value) deletion.option = override.value->string;
      deletions_.emplace_back(override.address(), deletion);
      return;
    }
    Entry entry;
    entry.kind = Entry::Kind::group;
    entry.name = override.key;
    entry.package = override.package;
    if (entry.package == "_here_") entry.package = "";
    entry.location = override.location;
    const auto options = [&] {
      return "options of " + override.key + ": " + joined(repository_.options(override.key));
    };
    const auto name = [&](const Node& node) {
      if (node.kind == Kind::missing) return std::string("???");
      if (node.kind != Kind::string && node.kind != Kind::interpolation) {
        fail(override, "'" + override.key + "' is a group, and the value is no name of an option",
             options() +
                 (node.is_null() ? "; to leave the group out, write ~" + override.address() : ""));
      }
      return node.string;
    };
    if (override.value->is_list()) {
      entry.is_list = true;
      for (const auto& item : override.value->items) entry.options.push_back(name(item));
    } else {
      entry.option = name(*override.value);
    }
    if (override.action == Action::add) {
      entry.appended = true;
      appended_.push_back(entry);
    } else {
      set_forced(override.address(), {entry, true, false, ""}, true);
    }
  }

  void set_forced(const std::string& key, Forced forced, bool replace) {
    for (auto& [known, old] : forced_) {
      if (known != key) continue;
      if (replace) old = std::move(forced);
      return;
    }
    forced_.emplace_back(key, std::move(forced));
  }

  [[noreturn]] void no_primary(const std::string& primary) const {
    std::string folders;
    for (const auto& folder : repository_.folders()) {
      folders += (folders.empty() ? "" : ", ") + folder;
    }
    throw Error(primary,
                "no such config in " + (folders.empty() ? "an empty search path" : folders),
                did_you_mean(primary, repository_.options("")));
  }

  // ---- the tree

  void grow(Twig& twig, bool interpolated) {
    Entry& entry = twig.entry;
    if (!entry.missing() && (entry.kind != Entry::Kind::group || entry.option)) {
      if (const ConfigFile* config = load(twig); config && config->package) {
        entry.header = *config->package;
        const bool global = *entry.header == "_global_" || entry.header->starts_with("_global_.");
        if (!global) entry.header = "_global_." + *entry.header;  // a header is always absolute
      }
    }
    if (deleted(entry)) {
      entry.dropped = true;
      return;
    }
    remember(twig);
    if (entry.kind == Entry::Kind::group && !entry.option) return;
    if (entry.missing()) {
      fail(twig, "'" + entry.key() + "' has to be chosen",
           "write " + entry.key() +
               "=OPTION; options: " + joined(repository_.options(entry.group())));
    }
    const ConfigFile* config = load(twig);
    if (!config) {
      if (!entry.optional) not_found(twig);
      entry.dropped = true;
      return;
    }
    refuse_cycle(twig);
    twig.config = config;
    std::vector<Entry> entries;
    for (const auto& item : config->defaults.items) entries.push_back(read_entry(item));
    if (!entries.empty() || (twig.primary && !appended_.empty())) add_self(entries, *config);
    if (twig.primary) entries.insert(entries.end(), appended_.begin(), appended_.end());
    const std::string group = entry.group(), package = entry.final_package(true);
    for (auto& each : entries) each.stand_in(group, package);
    note_overrides(twig, entries, interpolated);

    // From the end, so that what comes later may override what comes earlier.
    std::vector<std::unique_ptr<Twig>> children;
    const auto add = [&](Entry child) -> Twig& {
      auto next = std::make_unique<Twig>();
      next->entry = std::move(child);
      next->parent = &twig;
      children.push_back(std::move(next));
      return *children.back();
    };
    for (auto each = entries.rbegin(); each != entries.rend(); ++each) {
      if (each->kind == Entry::Kind::self) {
        add(*each);
        continue;
      }
      if (each->overrides) continue;
      apply_forced(*each);
      if (each->is_list) {
        chosen_.push_back({{each->key(), each->value_text()}, true});
        for (auto option = each->options.rbegin(); option != each->options.rend(); ++option) {
          Entry single = *each;
          single.kind = Entry::Kind::config;
          single.name = each->name + "/" + *option;
          single.is_list = false;
          single.options.clear();
          Twig& child = add(single);
          if (option->find("${") != std::string::npos) {
            fail(child, "an interpolation inside a list of options",
                 "name the options, or use a single one");
          }
          grow(child, interpolated);
        }
        continue;
      }
      Twig& child = add(*each);
      if (!each->interpolation()) grow(child, interpolated);
    }
    for (auto& child : children) {
      if (!child->entry.interpolation()) continue;
      fill_in_choices(*child, entries);
      grow(*child, true);
    }
    std::reverse(children.begin(), children.end());
    twig.children = std::move(children);
  }

  // A broken file says who brought it in.
  const ConfigFile* load(const Twig& twig) {
    try {
      return repository_.load(twig.entry.config_path());
    } catch (const Error& e) {
      const std::string above = chain(twig);
      if (above.empty()) throw;
      throw Error(e.where(), e.problem() + " (this file is " + above + ")", e.fix());
    }
  }

  static void add_self(std::vector<Entry>& entries, const ConfigFile& config) {
    int selves = 0;
    bool others = entries.empty();
    for (const auto& entry : entries) {
      if (entry.kind == Entry::Kind::self && ++selves > 1) {
        throw Error(entry.location.text() + ": defaults", "_self_ stands twice in the list",
                    "keep one of them");
      }
      others = others || !entry.overrides;
    }
    if (selves || !others) return;
    Entry self;
    self.kind = Entry::Kind::self;
    self.name = "_self_";
    self.location = config.defaults.location;
    entries.push_back(self);
  }

  void note_overrides(const Twig& twig, const std::vector<Entry>& entries, bool interpolated) {
    const Entry* last = nullptr;
    for (const auto& entry : entries) {
      if (entry.kind == Entry::Kind::self) continue;
      if (entry.overrides) {
        if (interpolated) {
          throw Error(entry.location.text() + ": " + entry.written(),
                      "an override below an option that was chosen by ${...}",
                      "name that option, or override in the config above");
        }
        last = &entry;
        set_forced(entry.key(), {entry, false, false, twig.entry.config_path()}, false);
      } else if (last && !entry.appended) {
        throw Error(last->location.text() + ": " + last->written(),
                    "stands before '" + entry.written() + "'" +
                        (entry.key() == last->key() ? ", which it overrides" : ""),
                    "move the overrides to the end of the list, before _self_ if it is there");
      }
    }
  }

  void apply_forced(Entry& entry) {
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

  bool deleted(const Entry& entry) {
    if (entry.kind != Entry::Kind::group) return false;
    for (auto& [key, deletion] : deletions_) {
      if (key != entry.key() || (deletion.option && deletion.option != entry.option)) continue;
      deletion.used = true;
      return true;
    }
    return false;
  }

  void remember(const Twig& twig) {
    const Entry& entry = twig.entry;
    if (entry.kind != Entry::Kind::group) return;
    const std::string key = entry.key();
    per_group_[entry.group()].insert(key);
    for (const auto& known : result_.known) {
      if (known.key != key) continue;
      if (known.option != entry.option) {
        fail(twig,
             "the group '" + key + "' is chosen a second time, as '" +
                 known.option.value_or("null") + "' too",
             "write 'override " + key + ": " + known.option.value_or("null") +
                 "' there, or give one of them a package: " + entry.name + "@other");
      }
      return;
    }
    result_.known.push_back({key, entry.option});
    chosen_.push_back({{key, entry.option}, false});
  }

  void refuse_cycle(const Twig& twig) {
    const std::string path = twig.entry.config_path();
    std::string names = path;
    for (const Twig* above = twig.parent; above && above->config; above = above->parent) {
      names = above->entry.config_path() + " -> " + names;
      if (above->entry.config_path() == path) {
        fail(twig, "the defaults lists run in a circle: " + names, "take this entry out");
      }
    }
  }

  [[noreturn]] void not_found(const Twig& twig) {
    const Entry& entry = twig.entry;
    const std::string path = entry.config_path();
    const std::string group = parent_of(path);
    const std::string name = path.substr(group.empty() ? 0 : group.size() + 1);
    const auto options = repository_.options(group);
    if (!options.empty()) {
      const std::string near = nearest(name, options);
      fail(twig, "there is no config '" + path + "'",
           (near.empty() ? "" : "did you mean '" + near + "'? ") +
               (group.empty() ? "configs are: " : "options of " + group + " are: ") +
               joined(options));
    }
    const auto groups = repository_.subgroups(parent_of(group));
    fail(twig, "there is no group '" + group + "' to choose '" + name + "' from",
         did_you_mean(group.substr(group.rfind('/') + 1), groups));
  }

  // ${group} inside a defaults list: the option of another group.
  void fill_in_choices(Twig& twig, const std::vector<Entry>& entries) {
    Entry& entry = twig.entry;
    Node known = Node::map();
    for (const auto& choice : result_.known) {
      known[choice.key] = choice.option ? Node::text(*choice.option) : Node();
    }
    const auto names = known.keys();
    Node list = Node::list();
    for (const auto& each : entries) {
      Node item = Node::text(each.config_path());
      if (each.kind == Entry::Kind::group) {
        item = Node::map();
        item[each.key()] = each.option ? Node::text(*each.option) : Node();
      }
      list.items.push_back(std::move(item));
    }
    known["defaults"] = std::move(list);
    Node text = Node::text(entry.kind == Entry::Kind::group ? *entry.option : entry.config_path());
    text.kind = Kind::interpolation;
    known["_entry_"] = text;
    Node value;
    try {
      value = resolve_at(known, "_entry_", Resolvers());
    } catch (const Error& e) {
      fail(twig, e.problem() + ": in a defaults list only choices of groups can be read",
           names.empty() ? "name the option" : "known choices are: " + joined(names));
    }
    if (value.kind != Kind::string) {
      fail(twig, "the choice it reads is null", "choose an option of that group, or name this one");
    }
    if (entry.kind == Entry::Kind::group) {
      entry.option = value.string;
    } else {
      entry.name = "/" + value.string;
    }
  }

  void check_all_used() const {
    for (const auto& [key, forced] : forced_) {
      if (forced.used) continue;
      const std::string group = key.substr(0, key.find('@'));
      const auto found = per_group_.find(group);
      std::string fix;
      if (found != per_group_.end()) {
        fix = "did you mean " + joined({found->second.begin(), found->second.end()}) + "?";
        if (!forced.from_command_line) {
          fix += " A config that overrides choices at the top begins with '# @package _global_'";
        }
      } else if (forced.from_command_line) {
        fix = "write +" + key + "=" + forced.entry.value_text() + " to add it";
      } else {
        fix = "remove 'override' to choose it here";
      }
      throw Error(forced.entry.location.text() + ": " +
                      (forced.from_command_line ? key : forced.entry.written()),
                  "no defaults list chooses '" + key + "'", fix);
    }
    for (const auto& [key, deletion] : deletions_) {
      if (deletion.used) continue;
      for (const auto& list : chosen_) {
        if (list.key != key || !list.is_list) continue;
        fail(*deletion.override, "'" + key + "' is a list of options: " + *list.option,
             "write " + key + "=[] to leave out all of them");
      }
      std::vector<std::string> known;
      for (const auto& choice : result_.known) known.push_back(choice.key);
      const std::string wanted = key + (deletion.option ? ": " + *deletion.option : "");
      fail(*deletion.override, "no defaults list chooses '" + wanted + "'",
           did_you_mean(key, known));
    }
  }

  // ---- the list

  void collect(const Twig& twig, Branch& above) {
    Branch branch{twig.entry.text(), {}};
    if (twig.children.empty()) {
      take(twig);
    } else {
      for (const auto& child : twig.children) {
        if (child->entry.kind == Entry::Kind::self) {
          const std::string& base = twig.entry.base;
          branch.children.push_back({base.empty() ? "_self_" : base + "/_self_", {}});
          take(twig, true);
        } else {
          collect(*child, branch);
        }
      }
    }
    above.children.push_back(std::move(branch));
  }

  void take(const Twig& twig, bool self = false) {
    if (!twig.config) return;
    const Entry& entry = twig.entry;
    const bool top = !twig.parent->config;
    result_.steps.push_back({twig.config, entry.final_package(true),
                             top ? "<root>" : twig.parent->entry.config_path(), chain(twig), self});
    if (!self && entry.kind == Entry::Kind::group) leaves_.push_back(&entry);
  }

  void check_no_duplicates() {
    std::set<std::string> seen;
    for (const Entry* leaf : leaves_) {
      if (!seen.insert(leaf->key()).second) {
        throw Error(leaf->location.text() + ": " + leaf->written(),
                    "the group '" + leaf->key() + "' is chosen twice", "keep one of them");
      }
    }
  }

  Repository& repository_;
  Defaults result_;
  std::vector<std::pair<std::string, Forced>> forced_;
  std::vector<std::pair<std::string, Deletion>> deletions_;
  std::vector<Entry> appended_;
  std::map<std::string, std::set<std::string>> per_group_;  // keys of each group
  std::vector<Chosen> chosen_;                              // from the last to the first
  std::vector<const Entry*> leaves_;
};

}  // namespace

Defaults expand_defaults(Repository& repository, const std::string& primary,
                         const std::vector<Override>& overrides) {
  return Expander(repository, overrides).expand(primary);
}

}  // namespace plexiform::config

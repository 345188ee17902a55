#include <config/defaults.h>
#include <config/resolve.h>

#include <algorithm>
#include <set>

namespace plexiform::config {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// One entry of a defaults list.
struct Entry {
  enum class Kind { self, config, group };
  Kind kind = Kind::config;
  std::string name;  // path of a config, or of a group; a leading / makes it absolute
  std::optional<std::string> package;  // after the @
  std::optional<std::string> option;   // of a group; none: null
  std::vector<std::string> options;    // of a group with a list
  bool is_list = false;
  bool optional = false, overrides = false, appended = false;
  Location location;

  // Filled when its place in the tree is known.
  std::string base;  // group of the config that holds the list
  std::string parent_package;
  std::optional<std::string> header;  // package header of the config that is chosen
  bool dropped = false;               // deleted, or optional and not there

  bool absolute() const { return name.starts_with('/'); }
  std::string path() const { return absolute() ? name.substr(1) : name; }
  std::string under_base(const std::string& path) const {
    if (absolute() || base.empty()) return path;
    return path.empty() ? base : base + "/" + path;
  }
  std::string relative_group() const { return kind == Kind::group ? path() : parent_of(path()); }
  std::string group() const { return under_base(relative_group()); }
  std::string config_path() const {
    return kind == Kind::group ? group() + "/" + option.value_or("null") : under_base(path());
  }
  bool missing() const { return option == "???"; }
  bool interpolation() const {
    const std::string& text = kind == Kind::group ? option.value_or("") : name;
    return !is_list && text.find("${") != std::string::npos;
  }

  std::string default_package() const { return replaced(group(), "/", "."); }
  std::string final_package(bool use_header) const {
    std::string own = package                ? *package
                      : use_header && header ? *header
                                             : replaced(relative_group(), "/", ".");
    std::string whole = parent_package;
    if (!whole.empty() && !own.empty()) whole += ".";
    whole += own;
    const auto global = whole.rfind("_global_");
    if (global == std::string::npos) return whole;
    const size_t rest = global + std::string("_global_").size() + 1;
    return rest < whole.size() ? whole.substr(rest) : "";
  }
  // What addresses this use of the group: "optimizer", "optimizer@second".
  std::string key() const {
    const std::string package = final_package(false);
    if (package == default_package()) return group();
    return group() + "@" + (package.empty() ? "_global_" : package);
  }
  std::string text() const {
    if (kind == Kind::self) return "_self_";
    if (kind == Kind::config) return config_path();
    return key() + ": " + (is_list ? "[" + joined(options) + "]" : option.value_or("null"));
  }
  // The words of the list.
  std::string written() const {
    std::string words = name + (package ? "@" + *package : "");
    if (kind == Kind::self) return "_self_";
    if (kind == Kind::group)
      words += ": " + (is_list ? "[" + joined(options) + "]" : option.value_or("null"));
    return (overrides ? "override " : optional ? "optional " : "") + words;
  }

  void stand_in(const std::string& group, const std::string& package_above) {
    base = group;
    parent_package = package_above;
    if (package && package->find("_group_") != std::string::npos) {
      package = "_global_." + replaced(*package, "_group_", default_package());
    }
  }
};

[[noreturn]] void bad_entry(const Node& node, const std::string& problem, const std::string& fix) {
  throw Error(where(node, "defaults"), problem, fix);
}

void split_package(Entry& entry) {
  const auto at = entry.name.find('@');
  if (at == std::string::npos) return;
  entry.package = entry.name.substr(at + 1);
  entry.name.resize(at);
  if (entry.package == "_here_") entry.package = "";
}

std::string option_name(const Node& node) {
  if (node.kind == Kind::missing) return "???";
  if (node.kind != Kind::string && node.kind != Kind::interpolation) {
    bad_entry(node, "an option is neither text nor a list of texts",
              "quote the option if its name looks like a number or a truth");
  }
  return node.string;
}

Entry entry_of(const Node& node) {
  Entry entry;
  entry.location = node.location;
  if (node.kind == Kind::string || node.kind == Kind::interpolation) {
    entry.name = node.string;
    split_package(entry);
    if (entry.name == "_self_") {
      if (entry.package) bad_entry(node, "_self_ has no package", "write '- _self_'");
      entry.kind = Entry::Kind::self;
    }
    if (entry.name.empty() || entry.name == "/")
      bad_entry(node, "an entry without a name",
                "write '- group: option', '- config' or '- _self_'");
    return entry;
  }
  if (!node.is_map())
    bad_entry(node, "an entry that names no config",
              "write '- group: option', '- config' or '- _self_'");
  if (node.entries.size() != 1) {
    bad_entry(node, "an entry with " + std::to_string(node.entries.size()) + " groups",
              "write one '- group: option' per line");
  }
  entry.kind = Entry::Kind::group;
  const auto& [key, value] = node.entries[0];
  entry.location = value.key_location;
  entry.name = key;
  while (true) {  // words before the group
    const auto space = entry.name.find(' ');
    if (space == std::string::npos) break;
    const std::string word = entry.name.substr(0, space);
    if (word == "optional") {
      entry.optional = true;
    } else if (word == "override") {
      entry.overrides = true;
    } else {
      throw Error(where_key(value, "defaults"), "'" + word + "' is no word for a defaults list",
                  did_you_mean(word, {"optional", "override"}));
    }
    entry.name = entry.name.substr(entry.name.find_first_not_of(' ', space));
  }
  split_package(entry);
  if (entry.name.empty() || entry.name == "/")
    bad_entry(value, "an entry without a group", "write '- group: option'");
  if (value.is_list()) {
    entry.is_list = true;
    for (const auto& item : value.items) entry.options.push_back(option_name(item));
  } else if (!value.is_null()) {
    entry.option = option_name(value);
  }
  return entry;
}

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
    return std::move(result_);
  }

 private:
  struct Forced {  // a choice by `override` or by the command line
    Entry entry;
    bool from_command_line = false;
    bool used = false;
    std::string owner;  // the config that says `override`
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
      if (override.value && override.value->kind != Kind::string)
        fail(override, "the option is no text", "write ~" + override.address());
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
    for (const auto& folder : repository_.folders())
      folders += (folders.empty() ? "" : ", ") + folder;
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
    for (const auto& item : config->defaults.items) entries.push_back(entry_of(item));
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
        if (deleted(*each)) continue;
        lists_.emplace_back(each->key(), "[" + joined(each->options) + "]");
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
    for (const auto& choice : result_.known)
      known[choice.key] = choice.option ? Node::text(*choice.option) : Node();
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
    if (value.kind != Kind::string)
      fail(twig, "the choice it reads is null", "choose an option of that group, or name this one");
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
        if (!forced.from_command_line)
          fix += " A config that overrides choices at the top begins with '# @package _global_'";
      } else if (forced.from_command_line) {
        fix = "write +" + key + "=" +
              (forced.entry.is_list ? "[" + joined(forced.entry.options) + "]"
                                    : forced.entry.option.value_or("null")) +
              " to add it";
      } else {
        fix = "remove 'override' to choose it here";
      }
      throw Error(forced.entry.location.text() + ": " +
                      (forced.from_command_line ? key : forced.entry.written()),
                  "no defaults list chooses '" + key + "'", fix);
    }
    for (const auto& [key, deletion] : deletions_) {
      if (deletion.used) continue;
      std::vector<std::string> known;
      for (const auto& choice : result_.known) known.push_back(choice.key);
      fail(*deletion.override,
           "no defaults list chooses '" + key + (deletion.option ? ": " + *deletion.option : "") +
               "'",
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
    for (auto choice = result_.known.rbegin(); choice != result_.known.rend(); ++choice) {
      if (!choice->key.starts_with("hydra/")) result_.choices.push_back(*choice);
    }
    for (auto list = lists_.rbegin(); list != lists_.rend(); ++list)
      result_.choices.push_back({list->first, list->second});
  }

  Repository& repository_;
  Defaults result_;
  std::vector<std::pair<std::string, Forced>> forced_;
  std::vector<std::pair<std::string, Deletion>> deletions_;
  std::vector<Entry> appended_;
  std::map<std::string, std::set<std::string>> per_group_;  // keys of each group
  std::vector<std::pair<std::string, std::string>> lists_;
  std::vector<const Entry*> leaves_;
};

}  // namespace

Defaults expand_defaults(Repository& repository, const std::string& primary,
                         const std::vector<Override>& overrides) {
  return Expander(repository, overrides).expand(primary);
}

}  // namespace plexiform::config

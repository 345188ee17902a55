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

// "chosen by 'model: big' in conf/train.yaml:3:5, which is chosen by ..."; "" for the configs that all begins with.
std::string chain(const Twig& twig) {
  if (!twig.parent || !twig.parent->parent) return "";
  std::string text = "chosen by '" + twig.entry.written() + "' in " + twig.entry.location.text();
  const std::string above = chain(*twig.parent);
  return above.empty() ? text : text + ", which is " + above;
}

class Expander {
 public:
  Expander(Repository& repository, const std::vector<Override>& overrides)
      : repository_(repository), choices_(repository, overrides) {}

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
    choices_.check_all_used();

    result_.tree.text = "<root>";
    for (const auto& twig : root.children) collect(*twig, result_.tree);
    check_no_duplicates();
    result_.choices = choices_.settled();
    result_.config_values = choices_.values();
    return std::move(result_);
  }

 private:
  [[noreturn]] static void fail(const Twig& twig, const std::string& problem, const std::string& fix) {
    const std::string above = twig.parent ? chain(*twig.parent) : "";
    throw Error(twig.entry.location.text() + ": " + twig.entry.written(),
                problem + (above.empty() ? "" : " (this list is " + above + ")"), fix);
  }

  [[noreturn]] void no_primary(const std::string& primary) const {
    std::string folders;
    for (const auto& folder : repository_.folders()) {
      folders += (folders.empty() ? "" : ", ") + folder;
    }
    throw Error(primary, "no such config in " + (folders.empty() ? "an empty search path" : folders),
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
    if (choices_.deletes(entry)) return;
    if (!choices_.settle(entry)) refuse_second_choice(twig);
    if (entry.kind == Entry::Kind::group && !entry.option) return;
    if (entry.missing()) {
      fail(twig, "'" + entry.key() + "' has to be chosen",
           "write " + entry.key() + "=OPTION; options: " + joined(repository_.options(entry.group())));
    }
    const ConfigFile* config = load(twig);
    if (!config) {
      if (!entry.optional) not_found(twig);
      return;
    }
    refuse_cycle(twig);
    twig.config = config;
    std::vector<Entry> entries;
    for (const auto& item : config->defaults.items) entries.push_back(read_entry(item));
    if (!entries.empty() || (twig.primary && !choices_.appended().empty())) add_self(entries, *config);
    if (twig.primary) entries.insert(entries.end(), choices_.appended().begin(), choices_.appended().end());
    const std::string group = entry.group(), package = entry.final_package(true);
    for (auto& each : entries) each.stand_in(group, package);
    note_overrides(entries, interpolated);

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
      choices_.apply_override(*each);
      if (each->is_list) {
        choices_.settle(*each);
        for (auto option = each->options.rbegin(); option != each->options.rend(); ++option) {
          Entry single = *each;
          single.kind = Entry::Kind::config;
          single.name = each->name + "/" + *option;
          single.is_list = false;
          single.options.clear();
          Twig& child = add(single);
          if (option->find("${") != std::string::npos) {
            fail(child, "an interpolation inside a list of options", "name the options, or use a single one");
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
        throw Error(entry.location.text() + ": defaults", "_self_ stands twice in the list", "keep one of them");
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

  void note_overrides(const std::vector<Entry>& entries, bool interpolated) {
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
        choices_.note_override(entry);
      } else if (last && !entry.appended) {
        throw Error(
            last->location.text() + ": " + last->written(),
            "stands before '" + entry.written() + "'" + (entry.key() == last->key() ? ", which it overrides" : ""),
            "move the overrides to the end of the list, before _self_ if it is there");
      }
    }
  }

  [[noreturn]] void refuse_second_choice(const Twig& twig) const {
    const std::string key = twig.entry.key();
    const std::string other = choices_.find(key)->option.value_or("null");
    fail(twig, "the group '" + key + "' is chosen a second time, as '" + other + "' too",
         "write 'override " + key + ": " + other + "' there, or give one of them a package: " + twig.entry.name +
             "@other");
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
               (group.empty() ? "configs are: " : "options of " + group + " are: ") + joined(options));
    }
    const auto groups = repository_.subgroups(parent_of(group));
    fail(twig, "there is no group '" + group + "' to choose '" + name + "' from",
         did_you_mean(group.substr(group.rfind('/') + 1), groups));
  }

  // ${group} inside a defaults list: the option of another group.
  void fill_in_choices(Twig& twig, const std::vector<Entry>& entries) {
    Entry& entry = twig.entry;
    Node known = Node::map();
    for (const auto& choice : choices_.settled()) {
      if (!choice.is_list) known[choice.key] = choice.option ? Node::text(*choice.option) : Node();
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
    result_.steps.push_back(
        {twig.config, entry.final_package(true), top ? "<root>" : twig.parent->entry.config_path(), chain(twig), self});
    if (!self && entry.kind == Entry::Kind::group) leaves_.push_back(&entry);
  }

  void check_no_duplicates() {
    std::set<std::string> seen;
    for (const Entry* leaf : leaves_) {
      if (!seen.insert(leaf->key()).second) {
        throw Error(leaf->location.text() + ": " + leaf->written(), "the group '" + leaf->key() + "' is chosen twice",
                    "keep one of them");
      }
    }
  }

  Repository& repository_;
  Choices choices_;
  Defaults result_;
  std::vector<const Entry*> leaves_;
};

}  // namespace

Defaults expand_defaults(Repository& repository, const std::string& primary, const std::vector<Override>& overrides) {
  return Expander(repository, overrides).expand(primary);
}

}  // namespace plexiform::config

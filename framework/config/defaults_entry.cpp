#include <config/defaults_entry.h>

namespace plexiform::config {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

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

}  // namespace

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string Entry::relative_group() const {
  const std::string path = name.starts_with('/') ? name.substr(1) : name;
  return kind == Kind::group ? path : parent_of(path);
}

std::string Entry::group() const {
  const std::string group = relative_group();
  if (name.starts_with('/') || base.empty()) return group;
  return group.empty() ? base : base + "/" + group;
}

std::string Entry::config_path() const {
  const std::string group = this->group();
  const std::string own = kind == Kind::group ? option.value_or("null") : name.substr(name.rfind('/') + 1);
  return group.empty() ? own : group + "/" + own;
}

bool Entry::interpolation() const {
  const std::string& text = kind == Kind::group ? option.value_or("") : name;
  return !is_list && text.find("${") != std::string::npos;
}

std::string Entry::default_package() const { return replaced(group(), "/", "."); }

std::string Entry::final_package(bool use_header) const {
  std::string own = replaced(relative_group(), "/", ".");
  if (package) {
    own = *package;
  } else if (use_header && header) {
    own = *header;
  }
  std::string whole = parent_package;
  if (!whole.empty() && !own.empty()) whole += ".";
  whole += own;
  const std::string top = "_global_";
  const auto global = whole.rfind(top);
  if (global == std::string::npos) return whole;
  const size_t rest = global + top.size() + 1;
  return rest < whole.size() ? whole.substr(rest) : "";
}

std::string Entry::key() const {
  const std::string package = final_package(false);
  if (package == default_package()) return group();
  return group() + "@" + (package.empty() ? "_global_" : package);
}

std::string Entry::text() const {
  if (kind == Kind::self) return "_self_";
  if (kind == Kind::config) return config_path();
  return key().append(": ").append(value_text());
}

std::string Entry::value_text() const {
  if (!is_list) return option.value_or("null");
  return std::string("[").append(joined(options)).append("]");
}

std::string Entry::written() const {
  if (kind == Kind::self) return "_self_";
  std::string words = overrides ? "override " : optional ? "optional " : "";
  words += name;
  if (package) words += "@" + *package;
  if (kind == Kind::group) words.append(": ").append(value_text());
  return words;
}

void Entry::stand_in(const std::string& group, const std::string& package_above) {
  base = group;
  parent_package = package_above;
  if (package && package->find("_group_") != std::string::npos) {
    package = "_global_." + replaced(*package, "_group_", default_package());
  }
}

Entry read_entry(const Node& node) {
  Entry entry;
  entry.location = node.location;
  if (node.kind == Kind::string || node.kind == Kind::interpolation) {
    entry.name = node.string;
    split_package(entry);
    if (entry.name == "_self_") {
      if (entry.package) bad_entry(node, "_self_ has no package", "write '- _self_'");
      entry.kind = Entry::Kind::self;
    }
    if (entry.name.empty() || entry.name == "/") {
      bad_entry(node, "an entry without a name", "write '- group: option', '- config' or '- _self_'");
    }
    return entry;
  }
  if (!node.is_map()) {
    bad_entry(node, "an entry that names no config", "write '- group: option', '- config' or '- _self_'");
  }
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
  if (entry.name.empty() || entry.name == "/") {
    bad_entry(value, "an entry without a group", "write '- group: option'");
  }
  if (value.is_list()) {
    entry.is_list = true;
    for (const auto& item : value.items) entry.options.push_back(option_name(item));
  } else if (!value.is_null()) {
    entry.option = option_name(value);
  }
  return entry;
}

}  // namespace plexiform::config

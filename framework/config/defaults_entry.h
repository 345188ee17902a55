// One entry of a defaults list: "- group: option", "- override group@package: option", "- config".
#pragma once

#include <config/node.h>

#include <optional>

namespace plexiform::config {

struct Entry {
  enum class Kind { self, config, group };
  Kind kind = Kind::config;
  std::string name;                    // path of a config or a group; a leading / is absolute
  std::optional<std::string> package;  // after the @
  std::optional<std::string> option;   // of a group; none: null
  std::vector<std::string> options;    // of a group with a list
  bool is_list = false;
  bool optional = false, overrides = false;
  bool appended = false;  // by "+group=option" on the command line
  Location location;

  // Filled when its place in the tree is known.
  std::string base;                   // group of the config that holds the list
  std::string parent_package;         // where that config lands
  std::optional<std::string> header;  // package header of the config that is chosen

  std::string relative_group() const;  // as written: "split" in data/retina.yaml
  std::string group() const;           // "data/split"
  std::string config_path() const;     // "data/split/clips"
  bool missing() const { return option == "???"; }
  bool interpolation() const;

  std::string default_package() const;  // "data.split"
  // Where the config lands: its @package, else its header (if that counts), else its group; below
  // the parent's package unless it says _global_.
  std::string final_package(bool use_header) const;
  // What addresses this use of the group: "optimizer", "optimizer@second".
  std::string key() const;

  std::string text() const;        // "data/split: clips", "data/demo", "_self_"
  std::string value_text() const;  // of a group: "clips", "[a, b]", "null"
  std::string written() const;     // the words of the list: "override /data/split: clips"

  // Takes its place in the list of a config of this group, which lands in this package.
  void stand_in(const std::string& group, const std::string& package);
};

// Throws Error with the place of `node`.
Entry read_entry(const Node& node);

// "a, b, c"
std::string joined(const std::vector<std::string>& names);
// "a/b" of "a/b/c"
std::string parent_of(const std::string& path);

}  // namespace plexiform::config

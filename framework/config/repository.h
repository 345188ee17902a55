// The config files of a search path, by name: "model/big" is model/big.yaml in the first folder
// that has it.
#pragma once

#include <config/node.h>

#include <map>
#include <optional>

namespace plexiform::config {

struct ConfigFile {
  std::string name;                    // "model/big"
  std::string file;                    // its path, or "Hydra's own model/big"
  Node content;                        // without the defaults list
  Node defaults;                       // the defaults list; null: there is none
  std::optional<std::string> package;  // of a first line "# @package a.b"
};

class Repository {
 public:
  // Hydra's own files come first, then the folders in order. Throws Error for a folder that is not
  // there.
  explicit Repository(std::vector<std::string> folders);
  void append(const std::string& folder);

  // Null when no folder has it. Throws Error for a file that is no YAML or whose header is broken.
  const ConfigFile* load(const std::string& name);
  bool has_group(const std::string& group) const;
  std::vector<std::string> options(const std::string& group) const;    // names without ".yaml", sorted
  std::vector<std::string> subgroups(const std::string& group) const;  // sorted; "" for the top
  const std::vector<std::string>& folders() const { return folders_; }
  const std::vector<std::string>& files() const { return files_; }  // that were read, in order

 private:
  std::vector<std::string> list(const std::string& group, bool groups) const;

  std::vector<std::string> folders_;
  std::map<std::string, std::optional<ConfigFile>> loaded_;
  std::vector<std::string> files_;
};

}  // namespace plexiform::config

#include <files/unused_name.h>

#include <filesystem>

namespace plexiform::files {

std::string unused_name(const std::string& first) {
  std::string name = first;
  for (int i = 2; std::filesystem::exists(name); ++i) name = first + "-" + std::to_string(i);
  return name;
}

}  // namespace plexiform::files

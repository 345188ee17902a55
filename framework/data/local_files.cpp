#include <data/local_files.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace plexiform::data {
namespace {

namespace fs = std::filesystem;

const std::string openretina_target = "openretina.utils.file_utils.get_local_file_path";

fs::path cache_folder(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* set = std::getenv("OPENRETINA_CACHE_DIRECTORY")) return set;
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : ".") / "openretina_cache";
}

// The path below the cache of what is at an address.
fs::path place_in_cache(const std::string& address) {
  const std::string main = "/main/";
  if (const auto at = address.find(main); at != std::string::npos) return address.substr(at + main.size());
  const fs::path path(address);
  return path.parent_path().filename() / path.filename();
}

// What was extracted from an archive: a folder or file of its name without .zip. Empty: nothing.
fs::path extracted(const fs::path& archive) {
  const fs::path folder = archive.parent_path(), stem = archive.stem();
  if (fs::exists(folder / stem)) return folder / stem;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    if (entry.path().stem() == stem && entry.path().extension() != ".zip") return entry.path();
  }
  return {};
}

}  // namespace

std::string local_path(const std::string& name, const std::string& cache) {
  const bool remote = name.starts_with("https://") || name.starts_with("http://");
  const fs::path place = remote ? cache_folder(cache) / place_in_cache(name) : fs::path(name);
  if (place.extension() == ".zip") {
    if (const auto found = extracted(place); !found.empty()) return found.string();
    if (fs::exists(place)) {
      throw Error(place.string(), "is an archive that is not extracted",
                  fmt::format("unzip {} -d {}", place.string(), (place.parent_path() / place.stem()).string()));
    }
  }
  if (fs::exists(place) || !remote) return place.string();  // a path that is not there: its reader says so
  throw Error(name, fmt::format("is not on this machine, and nothing is downloaded without being asked"),
              fmt::format("fetch it and put it at {}{}", place.string(),
                          place.extension() == ".zip" ? ", extracted beside it" : ""));
}

std::string local_path(const config::Node& node, const std::string& path) {
  const config::Node* file = &node;
  std::string cache;
  if (node.is_map()) {
    const config::Node* target = node.find("_target_");
    if (!target || target->string != openretina_target) {
      throw Error(config::where(node, path), "is no file", "give a path, or _target_: " + openretina_target);
    }
    file = node.find("file_path");
    if (const config::Node* folder = node.find("cache_folder")) cache = folder->string;
  }
  if (!file || file->kind != config::Kind::string) {
    throw Error(config::where(node, path), "names no file", "give a path, or an address of a published file");
  }
  try {
    return local_path(file->string, cache);
  } catch (const Error& e) {
    throw Error(config::where(*file, path), fmt::format("{} {}", e.where(), e.problem()), e.fix());
  }
}

}  // namespace plexiform::data

#include <dlfcn.h>
#include <files/prefix.h>

#include <string_view>

namespace plexiform::files {

namespace fs = std::filesystem;

fs::path prefix() {
  // This function is linked into programs and into libplexiform.so.
  Dl_info info;
  fs::path binary = "/proc/self/exe";
  if (dladdr(reinterpret_cast<void*>(&prefix), &info) && std::string_view(info.dli_fname).ends_with(".so")) {
    binary = info.dli_fname;
  }
  return fs::weakly_canonical(binary).parent_path().parent_path();
}

}  // namespace plexiform::files
